#include "integration_tests/equivalence/script.h"

#include <absl/strings/str_cat.h>

namespace replicast::equivalence {

std::string ToText(const Step& step) {
  const auto follower = [&](const char* does) { return absl::StrCat("-- follower ", step.who, " ", does); };
  switch (step.kind) {
    case Step::Kind::kSql:
      return absl::StrCat("/* writer ", step.who, " */ ", step.text, ";");
    case Step::Kind::kDrain:
      return "-- the server drains";
    case Step::Kind::kBuild:
      return "-- the server builds";
    case Step::Kind::kRestart:
      return "-- the server starts again";
    case Step::Kind::kCreate:
      return absl::StrCat("-- dataset ", step.text, ": ", step.definition.ShortDebugString());
    case Step::Kind::kListen:
      return follower("takes what it heard");
    case Step::Kind::kForget:
      return follower("loses what it heard");
    case Step::Kind::kCatchUp:
      return follower("catches up");
    case Step::Kind::kChunk:
      return follower("takes a chunk");
    case Step::Kind::kReopen:
      return follower("starts again");
    case Step::Kind::kCompare:
      return "-- all are compared";
  }
  return "";
}

}  // namespace replicast::equivalence
