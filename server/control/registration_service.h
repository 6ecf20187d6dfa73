#ifndef REPLICAST_SERVER_CONTROL_REGISTRATION_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_REGISTRATION_SERVICE_H_

#include "common/rpc/answer.h"
#include "replicast/v1/registration_service.grpc.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// On the enrolment port it only enrols, on the member port it only renews.
class RegistrationService final : public v1::RegistrationService::CallbackService {
 public:
  enum class Port { kEnrolment, kMembers };
  RegistrationService(ControlPlane& plane, Port port) : plane_(plane), port_(port) {}

  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext* context, const v1::EnrollRequest* request,
                                   v1::EnrollResponse* response) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context, const v1::RenewRequest* request,
                                  v1::RenewResponse* response) override;

 private:
  void EnrollFrom(const std::string& from, const v1::EnrollRequest& request,
                  const rpc::Answer<v1::EnrollResponse>& answer);

  ControlPlane& plane_;
  const Port port_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_REGISTRATION_SERVICE_H_
