#ifndef REPLICAST_SERVER_CONTROL_ABSENT_MEMBERS_H_
#define REPLICAST_SERVER_CONTROL_ABSENT_MEMBERS_H_

#include "replicast/v1/admin_service.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// Who follows nothing now, and what waits for it: those whose return costs most first, a hundred at most.
void AddAbsentMembers(ControlPlane& plane, v1::GetStatusResponse* status);

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_ABSENT_MEMBERS_H_
