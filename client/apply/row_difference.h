#ifndef REPLICAST_CLIENT_APPLY_ROW_DIFFERENCE_H_
#define REPLICAST_CLIENT_APPLY_ROW_DIFFERENCE_H_

#include <string>
#include <vector>

#include "common/base/value.h"

namespace replicast {

// A row that is not the same on both sides.
struct RowDifference {
  enum class Kind { kMissing, kExtra, kOther };  // on the replica
  std::string table;
  Row key;
  Kind kind;
};

inline const char* NameOf(RowDifference::Kind kind) {
  switch (kind) {
    case RowDifference::Kind::kMissing:
      return "missing";
    case RowDifference::Kind::kExtra:
      return "extra";
    case RowDifference::Kind::kOther:
      break;
  }
  return "other";
}

struct Differences {
  std::vector<RowDifference> rows;
  bool more = false;  // than were wanted
  TextEncoding encoding = TextEncoding::kUtf8;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_ROW_DIFFERENCE_H_
