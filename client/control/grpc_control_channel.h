#ifndef REPLICAST_CLIENT_CONTROL_GRPC_CONTROL_CHANNEL_H_
#define REPLICAST_CLIENT_CONTROL_GRPC_CONTROL_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>

#include "client/session/control_channel.h"
#include "common/net/event_loop.h"
#include "common/rpc/credentials_folder.h"

namespace replicast {

// The control channel over gRPC with mutual TLS. Calls are made, and answers come, on the event loop's thread; gRPC's
// own threads only post to it. Unary calls have limits::kRpcDeadline. Streams read a few messages ahead; keepalive
// pings find a server that died without a word. Destroy it before the loop; it then waits for gRPC to let go of every
// call.
class GrpcControlChannel : public ControlChannel {
 public:
  GrpcControlChannel(net::EventLoop& loop, const rpc::Credentials& credentials);
  ~GrpcControlChannel() override;

  // Calls from now on are made with this one (a renewed certificate).
  void UseCredentials(const rpc::Credentials& credentials);

  void Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) override;
  void GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) override;
  void Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) override;
  void Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) override;
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override;
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest& request,
                                  std::function<void(v1::CatchUpResponse)> on_message,
                                  std::function<void(absl::Status)> on_end) override;
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest& request,
                                   std::function<void(v1::SnapshotResponse)> on_message,
                                   std::function<void(absl::Status)> on_end) override;

 private:
  struct Calls;
  struct Stubs;
  net::EventLoop& loop_;
  std::shared_ptr<Calls> calls_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_CONTROL_GRPC_CONTROL_CHANNEL_H_
