#include "server/control/registration_service.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "server/control/call.h"

namespace replicast::control {
namespace {

absl::Status WrongPort(const char* right) {
  return Error(absl::StatusCode::kUnimplemented, "WRONG_PORT", std::string("this is done on the ") + right + " port");
}

}  // namespace

void RegistrationService::EnrollFrom(const std::string& from, const v1::EnrollRequest& request,
                                     const rpc::Answer<v1::EnrollResponse>& answer) {
  plane_.authority().Enroll(from, request, [this, from, answer](absl::StatusOr<v1::EnrollResponse> enrolled) {
    if (enrolled.ok())
      spdlog::info("member {} enrolled from {}", HexEncode(enrolled->member_id()), from);
    else
      spdlog::debug("an enrolment from {} was refused: {}", from, std::string(enrolled.status().message()));
    plane_.RefreshEnrolment();
    answer(std::move(enrolled));
  });
}

grpc::ServerUnaryReactor* RegistrationService::Enroll(grpc::CallbackServerContext* context,
                                                      const v1::EnrollRequest* request, v1::EnrollResponse* response) {
  if (port_ == Port::kMembers) {
    return ForMember(
        plane_, context, request, response,
        [this](const Member& member, const v1::EnrollRequest& asked, const rpc::Answer<v1::EnrollResponse>& answer) {
          if (const absl::Status allowed = plane_.RequireRelay(member); !allowed.ok()) return answer(allowed);
          EnrollFrom("relay " + member.id.ToHex(), asked, answer);
        });
  }
  rpc::Answer<v1::EnrollResponse> answer(response);
  plane_.loop().Post([this, address = rpc::AddressOf(*context), asked = *request, answer] {
    const absl::Status admitted = plane_.AdmitStranger(address);
    if (!admitted.ok()) return answer(admitted);
    EnrollFrom(address, asked, answer);
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
        plane_.authority().Renew(member, asked, answer);
      });
}

}  // namespace replicast::control
