#ifndef REPLICAST_COMMON_WIRE_ROW_HASH_H_
#define REPLICAST_COMMON_WIRE_ROW_HASH_H_

#include <string_view>

#include "common/base/digest.h"
#include "common/base/value.h"

namespace replicast::wire {

// SHA-256, cut to its first 16 bytes, over: length of the table's name (4 bytes big endian), the name, the canonical
// bytes of the published columns in the order of DatasetSchema.
Digest HashRow(std::string_view table, const Row& row);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_ROW_HASH_H_
