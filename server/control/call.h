#ifndef REPLICAST_SERVER_CONTROL_CALL_H_
#define REPLICAST_SERVER_CONTROL_CALL_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/rpc/answer.h"
#include "common/rpc/peer.h"
#include "common/rpc/server_stream.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// From gRPC's thread to the engine's: the caller is known by its certificate, checked there, and then the handler runs,
// on the engine's thread. It answers at once or keeps the answer.

// `before`, where it is given, looks at the request of a caller that only its certificate vouches for yet.
template <typename Request, typename Response, typename Handler>
grpc::ServerUnaryReactor* ForMember(ControlPlane& plane, grpc::CallbackServerContext* context, const Request* request,
                                    Response* response, Handler handler,
                                    std::function<absl::Status(const Request&)> before = nullptr) {
  rpc::Answer<Response> answer(response);
  auto peer = rpc::PeerOf(*context);
  if (!peer.ok()) {
    answer(peer.status());
    return answer.reactor();
  }
  plane.loop().Post([&plane, peer = *std::move(peer), request = *request, answer, handler = std::move(handler),
                     before = std::move(before)] {
    if (before != nullptr) {
      if (const absl::Status status = before(request); !status.ok()) return answer(status);
    }
    plane.WithMember(peer, [request, answer, handler](const absl::StatusOr<Member>& member) {
      if (member.ok())
        handler(*member, request, answer);
      else
        answer(member.status());
    });
  });
  return answer.reactor();
}

// Likewise, for a handler(member, request) that gives back its answer.
template <typename Request, typename Response, typename Handler>
grpc::ServerUnaryReactor* ForAdmin(ControlPlane& plane, grpc::CallbackServerContext* context, const Request* request,
                                   Response* response, Handler handler) {
  return ForMember(plane, context, request, response,
                   [&plane, handler = std::move(handler)](const Member& member, const Request& asked,
                                                          const rpc::Answer<Response>& answer) {
                     const absl::Status allowed = plane.RequireAdmin(member);
                     if (allowed.ok())
                       answer(handler(member, asked));
                     else
                       answer(allowed);
                   });
}

// A mutation: a repeat of the same request id by the same caller is answered the same and done once.
template <typename Response, typename Handler>
absl::StatusOr<Response> Once(ControlPlane& plane, const Member& member, const char* method,
                              const std::string& request_id, Handler handler) {
  if (request_id.empty()) return handler();
  if (request_id.size() > RequestCache::kMaxIdBytes) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "a request_id has at most 64 bytes");
  }
  const std::string key = member.id.ToBytes() + method + request_id;
  Response response;
  if (const auto known = plane.answers().Find(key, plane.now()); known && response.ParseFromString(*known))
    return response;
  absl::StatusOr<Response> answer = handler();
  if (answer.ok()) plane.answers().Put(key, answer->SerializeAsString(), plane.now());
  return answer;
}

// A server stream: the handler(member, request, stream), on the engine's thread, gives the stream a feed, or an error.
template <typename Request, typename Response, typename Handler>
grpc::ServerWriteReactor<Response>* OpenStream(ControlPlane& plane, grpc::CallbackServerContext* context,
                                               const Request* request, Handler handler) {
  auto stream = rpc::ServerStream<Response>::Make(context);
  auto peer = rpc::PeerOf(*context);
  if (!peer.ok()) {
    stream->End(peer.status());
    return stream.get();
  }
  plane.loop().Post([&plane, peer = *std::move(peer), request = *request, stream, handler = std::move(handler)] {
    plane.WithMember(peer, [&plane, request, stream, handler](const absl::StatusOr<Member>& member) {
      absl::Status status = member.status();
      if (status.ok()) status = plane.streams().CheckRoom(member->id);
      if (status.ok()) status = handler(*member, request, stream);
      if (!status.ok()) stream->End(status);
    });
  });
  return stream.get();
}

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_CALL_H_
