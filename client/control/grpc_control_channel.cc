#include "client/control/grpc_control_channel.h"

#include <absl/time/clock.h>

#include <utility>

#include "client/control/open_calls.h"
#include "client/control/stream_reader.h"
#include "client/control/unary_call.h"
#include "common/base/limits.h"
#include "common/rpc/channel.h"
#include "common/rpc/errors.h"
#include "replicast/v1/authorization_service.grpc.pb.h"
#include "replicast/v1/key_exchange_service.grpc.pb.h"
#include "replicast/v1/rate_service.grpc.pb.h"
#include "replicast/v1/registration_service.grpc.pb.h"
#include "replicast/v1/synchronization_service.grpc.pb.h"

namespace replicast {
namespace {

template <typename Message, typename Start>
std::unique_ptr<ControlChannel::Stream> OpenStream(net::EventLoop& loop, std::shared_ptr<OpenCalls> calls,
                                                   std::function<void(Message)> on_message,
                                                   std::function<void(absl::Status)> on_end, const Start& start) {
  auto reader =
      std::make_shared<StreamReader<Message>>(loop, std::move(calls), std::move(on_message), std::move(on_end));
  reader->Start(start);
  return std::make_unique<StreamHandle<Message>>(std::move(reader));
}

}  // namespace

struct GrpcControlChannel::Calls : OpenCalls {};

struct GrpcControlChannel::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : authorization(channel), keys(channel), rate(channel), registration(channel), synchronization(channel) {}
  v1::AuthorizationService::Stub authorization;
  v1::KeyExchangeService::Stub keys;
  v1::RateService::Stub rate;
  v1::RegistrationService::Stub registration;
  v1::SynchronizationService::Stub synchronization;
};

GrpcControlChannel::GrpcControlChannel(net::EventLoop& loop, const rpc::Credentials& credentials)
    : loop_(loop), calls_(std::make_shared<Calls>()) {
  UseCredentials(credentials);
}

GrpcControlChannel::~GrpcControlChannel() { calls_->CancelAllAndWait(); }

void GrpcControlChannel::UseCredentials(const rpc::Credentials& credentials) {
  channel_ = rpc::MemberChannel(credentials);
  stubs_ = std::make_unique<Stubs>(channel_);
}

void GrpcControlChannel::Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) {
  // The session has its own back-off: try to connect now, not when the channel's own is over.
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->authorization.async()->Subscribe(std::move(arguments)...); });
}

void GrpcControlChannel::GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->keys.async()->GetKeys(std::move(arguments)...); });
}

void GrpcControlChannel::Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->rate.async()->Report(std::move(arguments)...); });
}

void GrpcControlChannel::Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->synchronization.async()->Repair(std::move(arguments)...); });
}

void GrpcControlChannel::Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) {
  CallUnary(loop_, calls_, request, std::move(answer),
            [&](auto... arguments) { stubs_->registration.async()->Renew(std::move(arguments)...); });
}

std::unique_ptr<ControlChannel::Stream> GrpcControlChannel::CatchUp(const v1::CatchUpRequest& request,
                                                                    std::function<void(v1::CatchUpResponse)> on_message,
                                                                    std::function<void(absl::Status)> on_end) {
  return OpenStream<v1::CatchUpResponse>(loop_, calls_, std::move(on_message), std::move(on_end),
                                         [&](grpc::ClientContext* context, auto* reader) {
                                           stubs_->synchronization.async()->CatchUp(context, &request, reader);
                                         });
}

std::unique_ptr<ControlChannel::Stream> GrpcControlChannel::Snapshot(
    const v1::SnapshotRequest& request, std::function<void(v1::SnapshotResponse)> on_message,
    std::function<void(absl::Status)> on_end) {
  return OpenStream<v1::SnapshotResponse>(loop_, calls_, std::move(on_message), std::move(on_end),
                                          [&](grpc::ClientContext* context, auto* reader) {
                                            stubs_->synchronization.async()->Snapshot(context, &request, reader);
                                          });
}

}  // namespace replicast
