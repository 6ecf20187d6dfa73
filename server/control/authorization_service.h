#ifndef REPLICAST_SERVER_CONTROL_AUTHORIZATION_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_AUTHORIZATION_SERVICE_H_

#include "replicast/v1/authorization_service.grpc.pb.h"
#include "server/control/control_plane.h"
#include "server/membership/instances.h"

namespace replicast::control {

// Grants. A member that asks for a dataset whose index is being built waits some seconds for it.
class AuthorizationService final : public v1::AuthorizationService::CallbackService {
 public:
  explicit AuthorizationService(ControlPlane& plane) : plane_(plane) {}

  grpc::ServerUnaryReactor* Subscribe(grpc::CallbackServerContext* context, const v1::SubscribeRequest* request,
                                      v1::SubscribeResponse* response) override;
  grpc::ServerUnaryReactor* Unsubscribe(grpc::CallbackServerContext* context, const v1::UnsubscribeRequest* request,
                                        v1::UnsubscribeResponse* response) override;
  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context, const v1::AuthorizeRequest* request,
                                      v1::AuthorizeResponse* response) override;

  // On the engine's thread. Answers when the dataset's index is built, or after some seconds.
  using Reply = std::function<void(absl::StatusOr<v1::SubscribeResponse>)>;
  void Grant(const Member& member, const v1::SubscribeRequest& request, Reply reply);

 private:
  absl::StatusOr<v1::SubscribeResponse> GrantNow(const Member& member, const v1::SubscribeRequest& request);
  // By what the member tells, or by what the server remembers of it.
  void DecideNextStep(const Member& member, const v1::SubscribeRequest& request, const StreamInfo& info,
                      std::optional<Position> position, v1::SubscribeResponse* response);
  ControlPlane& plane_;
  Instances instances_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_AUTHORIZATION_SERVICE_H_
