#ifndef REPLICAST_CLIENT_CONTROL_UNARY_CALL_H_
#define REPLICAST_CLIENT_CONTROL_UNARY_CALL_H_

#include <absl/time/clock.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <utility>

#include "client/control/open_calls.h"
#include "client/session/control_channel.h"
#include "common/base/limits.h"
#include "common/net/event_loop.h"
#include "common/rpc/errors.h"

namespace replicast {

// `start(context, request, response, done)` begins the call.
template <typename Request, typename Response, typename Start>
void CallUnary(net::EventLoop& loop, std::shared_ptr<OpenCalls> calls, const Request& request,
               ControlChannel::Answer<Response> answer, const Start& start) {
  struct Pending {
    grpc::ClientContext context;
    Request request;
    Response response;
    ControlChannel::Answer<Response> answer;
  };
  auto pending = std::make_shared<Pending>();
  pending->request = request;
  pending->answer = std::move(answer);
  pending->context.set_deadline(absl::ToChronoTime(absl::Now() + limits::kRpcDeadline));
  const uint64_t number = calls->Add([weak = std::weak_ptr<Pending>(pending)] {
    if (const auto call = weak.lock()) call->context.TryCancel();
  });
  Pending& call = *pending;
  // The closure owns the call until it hands it on to the loop's thread.
  start(&call.context, &call.request, &call.response,
        [&loop, calls, number, pending](const grpc::Status& status) mutable {
          calls->Finish(number, [&] {
            loop.Post([done = std::move(pending), status = rpc::FromGrpc(status)] {
              if (status.ok()) {
                done->answer(std::move(done->response));
              } else {
                done->answer(status);
              }
            });
          });
        });
}

}  // namespace replicast

#endif  // REPLICAST_CLIENT_CONTROL_UNARY_CALL_H_
