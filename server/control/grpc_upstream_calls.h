#ifndef REPLICAST_SERVER_CONTROL_GRPC_UPSTREAM_CALLS_H_
#define REPLICAST_SERVER_CONTROL_GRPC_UPSTREAM_CALLS_H_

#include <memory>

#include "client/control/open_calls.h"
#include "common/net/event_loop.h"
#include "common/rpc/credentials_folder.h"
#include "server/relay/upstream_calls.h"

namespace replicast::control {

// Over gRPC with mutual TLS; as GrpcControlChannel.
class GrpcUpstreamCalls : public relay::UpstreamCalls {
 public:
  GrpcUpstreamCalls(net::EventLoop& loop, const rpc::Credentials& credentials);
  ~GrpcUpstreamCalls() override;
  void UseCredentials(const rpc::Credentials& credentials);

  void Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) override;
  void Compare(const v1::CompareRequest& request, Answer<v1::CompareResponse> answer) override;
  void CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) override;
  void WaitForPosition(const v1::WaitForPositionRequest& request, Answer<v1::WaitForPositionResponse> answer) override;
  void Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) override;
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override;

 private:
  struct Stubs;
  net::EventLoop& loop_;
  std::shared_ptr<OpenCalls> calls_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_GRPC_UPSTREAM_CALLS_H_
