#include "server/control/registration_service.h"

#include "common/base/errors.h"
#include "common/base/log.h"
#include "server/control/call.h"

namespace replicast::control {
namespace {

absl::Status WrongPort(const char* right) {
  return Error(absl::StatusCode::kUnimplemented, "WRONG_PORT", std::string("this is done on the ") + right + " port");
}

}  // namespace

grpc::ServerUnaryReactor* RegistrationService::Enroll(grpc::CallbackServerContext* context,
                                                      const v1::EnrollRequest* request, v1::EnrollResponse* response) {
  rpc::Answer<v1::EnrollResponse> answer(response);
  if (port_ != Port::kEnrolment) {
    answer(WrongPort("enrolment"));
    return answer.reactor();
  }
  plane_.loop().Post([this, address = rpc::AddressOf(*context), asked = *request, answer] {
    const absl::Status admitted = plane_.AdmitStranger(address);
    if (!admitted.ok()) return answer(admitted);
    auto enrolled = plane_.membership().Enroll(address, asked);
    if (enrolled.ok())
      spdlog::info("member {} enrolled from {}", MemberId::FromBytes(enrolled->member_id())->ToHex(), address);
    else
      spdlog::debug("an enrolment from {} was refused: {}", address, std::string(enrolled.status().message()));
    plane_.RefreshEnrolment();
    answer(std::move(enrolled));
  });
  return answer.reactor();
}

grpc::ServerUnaryReactor* RegistrationService::Renew(grpc::CallbackServerContext* context,
                                                     const v1::RenewRequest* request, v1::RenewResponse* response) {
  if (port_ != Port::kMembers) {
    const rpc::Answer<v1::RenewResponse> answer(response);
    answer(WrongPort("member"));
    return answer.reactor();
  }
  return ForMember(
      plane_, context, request, response,
      [this](const Member& member, const v1::RenewRequest& asked, const rpc::Answer<v1::RenewResponse>& answer) {
        answer(plane_.membership().Renew(member, asked));
      });
}

}  // namespace replicast::control
