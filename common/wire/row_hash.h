#ifndef REPLICAST_COMMON_WIRE_ROW_HASH_H_
#define REPLICAST_COMMON_WIRE_ROW_HASH_H_

#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/base/value.h"
#include "common/crypto/crypto.h"

namespace replicast::wire {

// SHA-256, cut to its first 16 bytes, over: length of the table's name (4 bytes big endian), the name, the canonical
// bytes of the published columns in the order of DatasetSchema.
Digest HashRow(std::string_view table, const Row& row);

// The same of a row whose values come one by one, without a copy of long ones. One at a time in each thread.
class RowHasher {
 public:
  explicit RowHasher(std::string_view table);
  void Add(const Value& value);
  void AddBytes(StorageClass storage_class, std::string_view bytes);  // text or blob
  Digest Finish();

 private:
  std::string& bytes_;  // not yet hashed
  bool hashing_ = false;
  crypto::Sha256Hasher hasher_;
};

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_ROW_HASH_H_
