#ifndef REPLICAST_SERVER_CONTROL_CHANGES_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_CHANGES_SERVICE_H_

#include "common/rpc/answer.h"
#include "common/wire/signer.h"
#include "replicast/v1/changes_service.grpc.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// Net changes and positions for programs that are no replica.
class ChangesService final : public v1::ChangesService::CallbackService {
 public:
  explicit ChangesService(ControlPlane& plane) : plane_(plane) {}

  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* WaitForPosition(grpc::CallbackServerContext* context,
                                            const v1::WaitForPositionRequest* request,
                                            v1::WaitForPositionResponse* response) override;
  grpc::ServerUnaryReactor* Acknowledge(grpc::CallbackServerContext* context, const v1::AcknowledgeRequest* request,
                                        v1::AcknowledgeResponse* response) override;

 private:
  void Wait(const v1::WaitForPositionRequest& asked, const DefinitionHash& stream, Lsn lsn, absl::Time until,
            const rpc::Answer<v1::WaitForPositionResponse>& answer);

  absl::StatusOr<Position> Beginning(const Member& member, const v1::WatchRequest& request, const StreamInfo& info);
  ControlPlane& plane_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_CHANGES_SERVICE_H_
