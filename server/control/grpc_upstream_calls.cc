#include "server/control/grpc_upstream_calls.h"

#include "client/control/unary_call.h"
#include "common/rpc/channel.h"
#include "replicast/v1/admin_service.grpc.pb.h"
#include "replicast/v1/authorization_service.grpc.pb.h"
#include "replicast/v1/changes_service.grpc.pb.h"
#include "replicast/v1/registration_service.grpc.pb.h"
#include "replicast/v1/synchronization_service.grpc.pb.h"

namespace replicast::control {

struct GrpcUpstreamCalls::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : admin(channel), authorization(channel), changes(channel), registration(channel), synchronization(channel) {}
  v1::AdminService::Stub admin;
  v1::AuthorizationService::Stub authorization;
  v1::ChangesService::Stub changes;
  v1::RegistrationService::Stub registration;
  v1::SynchronizationService::Stub synchronization;
};

GrpcUpstreamCalls::GrpcUpstreamCalls(net::EventLoop& loop, const rpc::Credentials& credentials)
    : loop_(loop), calls_(std::make_shared<OpenCalls>()) {
  UseCredentials(credentials);
}

GrpcUpstreamCalls::~GrpcUpstreamCalls() { calls_->CancelAllAndWait(); }

void GrpcUpstreamCalls::UseCredentials(const rpc::Credentials& credentials) {
  stubs_ = std::make_unique<Stubs>(rpc::MemberChannel(credentials));
}

void GrpcUpstreamCalls::Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->authorization.async()->Authorize(std::move(arguments)...); });
}

void GrpcUpstreamCalls::Compare(const v1::CompareRequest& request, Answer<v1::CompareResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->synchronization.async()->Compare(std::move(arguments)...); });
}

void GrpcUpstreamCalls::CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->admin.async()->CreateToken(std::move(arguments)...); });
}

void GrpcUpstreamCalls::WaitForPosition(const v1::WaitForPositionRequest& request,
                                        Answer<v1::WaitForPositionResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->changes.async()->WaitForPosition(std::move(arguments)...); });
}

void GrpcUpstreamCalls::Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->registration.async()->Enroll(std::move(arguments)...); });
}

void GrpcUpstreamCalls::Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->registration.async()->Renew(std::move(arguments)...); });
}

}  // namespace replicast::control
