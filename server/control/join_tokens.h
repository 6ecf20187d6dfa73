#ifndef REPLICAST_SERVER_CONTROL_JOIN_TOKENS_H_
#define REPLICAST_SERVER_CONTROL_JOIN_TOKENS_H_

#include <absl/status/statusor.h>

#include "replicast/v1/admin_service.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// A token as people hand it on: the membership's id and secret with the server's addresses and CA. Enrolment is open
// from here on. NOT_FOUND (DATASET_UNKNOWN). On the engine's thread.
absl::StatusOr<v1::CreateTokenResponse> MakeJoinToken(ControlPlane& plane, const Member& admin,
                                                      const v1::CreateTokenRequest& request);

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_JOIN_TOKENS_H_
