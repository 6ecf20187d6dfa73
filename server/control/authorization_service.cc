#include "server/control/authorization_service.h"

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "server/control/call.h"
#include "server/control/messages.h"

namespace replicast::control {
namespace {

// Less than the deadline that callers give.
constexpr absl::Duration kWaitForBuild = absl::Seconds(8);
constexpr absl::Duration kRetry = absl::Seconds(1);

v1::Grant GrantOf(const StreamInfo& info, const std::optional<ChannelInfo>& channel, const ControlPlane::Facts& facts,
                  const std::string& signing_public_key) {
  v1::Grant grant;
  grant.set_signing_public_key(signing_public_key);
  *grant.mutable_definition() = info.definition;
  grant.set_definition_hash(info.definition_hash.ToBytes());
  grant.set_key_signing_public_key(facts.key_signing_public_key);
  if (!channel) return grant;
  grant.set_stream_id(channel->stream_id);
  grant.set_group(channel->group);
  grant.set_port(channel->port);
  grant.set_source(facts.sources());
  grant.set_cipher_suite(v1::CIPHER_SUITE_AES_256_GCM);
  grant.set_current_epoch(channel->epoch);
  grant.set_key_id(channel->key_id.ToBytes());
  grant.set_frame_size(static_cast<uint32_t>(channel->frame_size));
  grant.set_rate_bytes_per_second(channel->rate);
  grant.set_incarnation(channel->incarnation);
  return grant;
}

bool IsOnItsWay(const absl::Status& status) {
  return ReasonOf(status) == "STREAM_BUILDING" || ReasonOf(status) == "AUTHORIZING";
}

}  // namespace

absl::StatusOr<v1::SubscribeResponse> AuthorizationService::GrantNow(const Member& member,
                                                                     const v1::SubscribeRequest& request) {
  std::optional<Position> position;
  if (request.has_position()) {
    ASSIGN_OR_RETURN(position, FromProto(request.position()));
  }
  ASSIGN_OR_RETURN(StreamInfo info, plane_.ReadableDataset(member, request.dataset(), "subscribe",
                                                           request.has_narrowing() ? &request.narrowing() : nullptr));
  if (info.state == StreamInfo::State::kBuilding) {
    return rpc::WithRetryAfter(
        Error(absl::StatusCode::kUnavailable, "STREAM_BUILDING",
              "dataset '" + request.dataset() + "' is still being prepared: try again in a moment"),
        kRetry);
  }
  if (info.state == StreamInfo::State::kStopped) {
    return Error(absl::StatusCode::kFailedPrecondition, "STREAM_STOPPED",
                 "dataset '" + request.dataset() + "' is stopped: " + info.reason);
  }
  v1::SubscribeResponse response;
  ASSIGN_OR_RETURN(
      *response.mutable_signed_grant(),
      plane_.authority().Grant(member, request.dataset(), request.has_narrowing() ? &request.narrowing() : nullptr,
                               info.definition_hash));
  ASSIGN_OR_RETURN(*response.mutable_schema(), plane_.publisher().SchemaOf(info.definition_hash));
  *response.mutable_signing_key() = plane_.authority().signing_key();
  for (v1::PathServer& server : plane_.authority().PathOf(info.definition_hash))
    *response.add_path() = std::move(server);
  RETURN_IF_ERROR(instances_.Note(member.id, request.instance()));
  RETURN_IF_ERROR(plane_.membership().Record({member.id.ToHex(), "subscribe", request.dataset(), true, ""}));
  const bool by_unicast = request.transport() == v1::TRANSPORT_UNICAST;
  // What one takes by unicast slows no stream.
  plane_.Join(member, info.definition_hash, by_unicast ? 0 : request.max_rate_bytes_per_second());
  // Only now: the join may have begun another epoch, and changed the rate.
  *response.mutable_grant() = GrantOf(info, plane_.multicaster().Channel(info.definition_hash), plane_.facts(),
                                      plane_.authority().signing_public_key());
  const bool no_group = response.grant().group().empty();
  // Until it reports otherwise.
  plane_.NoteWay(member.id, info.definition_hash,
                 by_unicast || no_group ? v1::TRANSPORT_UNICAST : v1::TRANSPORT_MULTICAST,
                 by_unicast ? v1::UNICAST_REASON_CHOSEN : v1::UNICAST_REASON_NO_GROUP);
  DecideNextStep(member, request, info, position, &response);
  *response.mutable_position() = ToProto(info.position);
  if (const auto pause = plane_.PauseOf(member.id)) *response.mutable_pause() = *pause;
  return response;
}

void AuthorizationService::DecideNextStep(const Member& member, const v1::SubscribeRequest& request,
                                          const StreamInfo& info, std::optional<Position> position,
                                          v1::SubscribeResponse* response) {
  if (request.memory() == v1::MEMORY_SERVER) {
    const MemberMemory::Known known =
        plane_.memory().OnSubscribe(member.id, request.dataset(), info, position, request.forget());
    if (known.acknowledged) *response->mutable_acknowledged() = ToProto(*known.acknowledged);
    response->set_next_step(NextStepOf(known.step));
    response->set_reason(known.reason);
    return;
  }
  plane_.memory().LeaveToMember(member.id, info.definition_hash);
  const bool altered = position && position->definition != info.definition_hash;
  if (altered) position.reset();
  if (position) plane_.NotePosition(member.id, *position);
  response->set_next_step(NextStepOf(plane_.publisher().NextStepFor(position, response->mutable_reason())));
  if (altered) response->set_reason("dataset '" + request.dataset() + "' was altered");
  if (!request.has_position()) response->clear_reason();
}

void AuthorizationService::Grant(const Member& member, const v1::SubscribeRequest& request, Reply reply) {
  plane_.waiters().Add(plane_.now() + kWaitForBuild, [this, member, request, reply = std::move(reply)](bool last) {
    // A member that was revoked while it waited gets nothing.
    auto still = plane_.authority().Authenticate(member.id, member.role);
    auto granted = still.ok() ? Once<v1::SubscribeResponse>(plane_, *still, "Subscribe", request.request_id(),
                                                            [&] { return GrantNow(*still, request); })
                              : still.status();
    if (!last && IsOnItsWay(granted.status())) return false;
    reply(std::move(granted));
    return true;
  });
}

grpc::ServerUnaryReactor* AuthorizationService::Subscribe(grpc::CallbackServerContext* context,
                                                          const v1::SubscribeRequest* request,
                                                          v1::SubscribeResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::SubscribeRequest& asked,
                          const rpc::Answer<v1::SubscribeResponse>& answer) { Grant(member, asked, answer); });
}

grpc::ServerUnaryReactor* AuthorizationService::Unsubscribe(grpc::CallbackServerContext* context,
                                                            const v1::UnsubscribeRequest* request,
                                                            v1::UnsubscribeResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::UnsubscribeRequest& asked,
                          const rpc::Answer<v1::UnsubscribeResponse>& answer) {
                     const auto info = plane_.ReadableDataset(member, asked.dataset(), "unsubscribe");
                     if (!info.ok()) return answer(info.status());
                     plane_.Leave(member.id, asked.dataset());
                     answer(v1::UnsubscribeResponse());
                   });
}

grpc::ServerUnaryReactor* AuthorizationService::Authorize(grpc::CallbackServerContext* context,
                                                          const v1::AuthorizeRequest* request,
                                                          v1::AuthorizeResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::AuthorizeRequest& asked,
                          const rpc::Answer<v1::AuthorizeResponse>& answer) {
                     if (const absl::Status allowed = plane_.RequireRelay(member); !allowed.ok())
                       return answer(allowed);
                     if (asked.questions_size() > static_cast<int>(limits::kMaxPageSize)) {
                       return answer(Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID",
                                           "at most 1,000 questions in one call"));
                     }
                     plane_.authority().Authorize(member, asked, answer);
                   },
                   {[this](const v1::AuthorizeRequest& asked) { return plane_.authority().CheckQuestions(asked); }});
}

}  // namespace replicast::control
