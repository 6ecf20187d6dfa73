#ifndef REPLICAST_SERVER_CONTROL_SERVER_STATUS_H_
#define REPLICAST_SERVER_CONTROL_SERVER_STATUS_H_

#include "replicast/v1/admin_service.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// The whole server in one message. On the engine's thread.
v1::GetStatusResponse StatusOf(ControlPlane& plane);
// One of its streams.
v1::Stream StreamStatus(ControlPlane& plane, const StreamInfo& info, const Grants::WayCounts& ways);

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_SERVER_STATUS_H_
