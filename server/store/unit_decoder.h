#ifndef REPLICAST_SERVER_STORE_UNIT_DECODER_H_
#define REPLICAST_SERVER_STORE_UNIT_DECODER_H_

#include <absl/status/status.h>

#include <functional>
#include <string_view>

#include "common/base/value.h"
#include "replicast/v1/types.pb.h"

namespace replicast::store {

struct UnitChanges {
  std::function<absl::Status(uint32_t table, const Row& key)> deleted;
  std::function<absl::Status(uint32_t table, const Row& row)> upserted;
};

// The changes in one stored part, in order. Our own store is believed: the signature is not checked.
absl::Status ForEachChange(std::string_view part, const v1::DatasetSchema& schema, const UnitChanges& changes);

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_UNIT_DECODER_H_
