#ifndef REPLICAST_SERVER_CONTROL_GRPC_UPSTREAM_CHANNEL_H_
#define REPLICAST_SERVER_CONTROL_GRPC_UPSTREAM_CHANNEL_H_

#include <memory>

#include "client/control/grpc_control_channel.h"
#include "client/control/open_calls.h"
#include "server/relay/upstream_channel.h"

namespace replicast::control {

// A relay's calls upstream, over gRPC with mutual TLS; as GrpcControlChannel.
class GrpcUpstreamChannel : public relay::UpstreamChannel {
 public:
  GrpcUpstreamChannel(net::EventLoop& loop, const rpc::Credentials& credentials);
  ~GrpcUpstreamChannel() override;
  void UseCredentials(const rpc::Credentials& credentials);

  void Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) override;
  void Compare(const v1::CompareRequest& request, Answer<v1::CompareResponse> answer) override;
  void CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) override;
  void Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) override;

  void Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) override {
    member_.Subscribe(request, std::move(answer));
  }
  void GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) override {
    member_.GetKeys(request, std::move(answer));
  }
  void Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) override {
    member_.Report(request, std::move(answer));
  }
  void Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) override {
    member_.Repair(request, std::move(answer));
  }
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override {
    member_.Renew(request, std::move(answer));
  }
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest& request,
                                  std::function<void(v1::CatchUpResponse)> on_message,
                                  std::function<void(absl::Status)> on_end) override {
    return member_.CatchUp(request, std::move(on_message), std::move(on_end));
  }
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest& request,
                                   std::function<void(v1::SnapshotResponse)> on_message,
                                   std::function<void(absl::Status)> on_end) override {
    return member_.Snapshot(request, std::move(on_message), std::move(on_end));
  }

 private:
  struct Stubs;
  net::EventLoop& loop_;
  GrpcControlChannel member_;
  std::shared_ptr<OpenCalls> calls_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_GRPC_UPSTREAM_CHANNEL_H_
