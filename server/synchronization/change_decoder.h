#ifndef REPLICAST_SERVER_SYNCHRONIZATION_CHANGE_DECODER_H_
#define REPLICAST_SERVER_SYNCHRONIZATION_CHANGE_DECODER_H_

#include <absl/status/statusor.h>

#include <string_view>
#include <vector>

#include "common/wire/signer.h"
#include "common/wire/unit_codec.h"
#include "replicast/v1/changes_service.pb.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// One stored part as the messages that a watching program reads: at most about a quarter megabyte each; the last
// message of a unit's final part carries the position. Tables and columns are named by the
// schema, which becomes the new one where the part changes it. OUT_OF_RANGE (SCHEMA_CHANGED): the part is of another
// schema. A long row's pieces
// stay pieces: its change comes first, the bytes of its long values follow.
absl::StatusOr<std::vector<v1::WatchResponse>> DecodeChanges(wire::EncodedPart part, v1::DatasetSchema* schema,
                                                             const wire::Verifier& verifier);

}  // namespace replicast

#endif  // REPLICAST_SERVER_SYNCHRONIZATION_CHANGE_DECODER_H_
