#include "common/rpc/callback_threads.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <cstddef>
#include <new>

namespace replicast::rpc {
namespace {

// A call on a channel that leads nowhere fails at once, and leaves its channel with a reference on the threads.
class Anchor {
 public:
  Anchor()
      : channel_(grpc::CreateChannel("unix:/dev/null", grpc::InsecureChannelCredentials())),
        stub_(channel_),
        request_(&nothing_, 1) {
    stub_.UnaryCall(&context_, "/none/None", {}, &request_, &response_, [](const grpc::Status&) {});
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  const grpc::Slice nothing_;
  grpc::ByteBuffer request_, response_;
};

}  // namespace

void KeepCallbackThreads() {
  // Never destroyed: that is its point. In static storage, so that leak checkers see what it holds.
  alignas(Anchor) static std::byte room[sizeof(Anchor)];
  static const Anchor* const anchor = new (room) Anchor();
  static_cast<void>(anchor);
}

}  // namespace replicast::rpc
