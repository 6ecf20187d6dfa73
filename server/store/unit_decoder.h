#ifndef REPLICAST_SERVER_STORE_UNIT_DECODER_H_
#define REPLICAST_SERVER_STORE_UNIT_DECODER_H_

#include <absl/status/status.h>

#include <string_view>

#include "common/wire/unit_reader.h"
#include "replicast/v1/types.pb.h"

namespace replicast::store {

// The stored parts of one unit, in order → its changes. Our own store is believed: no signature is checked.
class UnitDecoder {
 public:
  UnitDecoder(const v1::DatasetSchema& schema, wire::UnitReader::Handlers changes);
  absl::Status Read(std::string_view part);

 private:
  wire::UnitReader reader_;
};

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_UNIT_DECODER_H_
