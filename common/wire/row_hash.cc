#include "common/wire/row_hash.h"

#include "common/base/encoding.h"
#include "common/crypto/crypto.h"

namespace replicast::wire {

Digest HashRow(std::string_view table, const Row& row) {
  thread_local std::string bytes;
  bytes.clear();
  AppendBigEndian32(&bytes, static_cast<uint32_t>(table.size()));
  bytes.append(table);
  for (const Value& value : row) AppendCanonical(value, &bytes);
  const crypto::Sha256Digest hash = crypto::Sha256(bytes);
  return *Digest::FromBytes({reinterpret_cast<const char*>(hash.data()), 16});
}

}  // namespace replicast::wire
