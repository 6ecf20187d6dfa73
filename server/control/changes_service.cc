#include "server/control/changes_service.h"

#include <algorithm>
#include <deque>

#include "common/base/errors.h"
#include "server/control/call.h"
#include "server/control/message_feed.h"
#include "server/control/messages.h"
#include "server/synchronization/change_decoder.h"
#include "server/synchronization/unit_feed.h"

namespace replicast::control {
namespace {

constexpr absl::Duration kDefaultWait = absl::Seconds(8);
constexpr absl::Duration kLongestWait = absl::Minutes(10);

// What one watching program still gets.
struct Watched {
  Watched(const Position& from, v1::DatasetSchema dataset_schema, std::string signing_public_key)
      : feed(from), schema(std::move(dataset_schema)), verifier(std::move(signing_public_key)) {}
  UnitFeed feed;
  v1::DatasetSchema schema;
  const wire::Verifier verifier;
  std::deque<v1::WatchResponse> messages;
};

// Without a definition it is of the dataset as it is defined now.
absl::StatusOr<Position> PositionIn(v1::Position position, const StreamInfo& info) {
  if (position.definition_hash().empty()) position.set_definition_hash(info.definition_hash.ToBytes());
  return FromProto(position);
}

absl::Status NotReady(const std::string& name, const StreamInfo& info) {
  if (info.state == StreamInfo::State::kBuilding) {
    return Error(absl::StatusCode::kUnavailable, "STREAM_BUILDING",
                 "dataset '" + name + "' is still being prepared: try again in a moment");
  }
  return Error(absl::StatusCode::kFailedPrecondition, "STREAM_STOPPED",
               "dataset '" + name + "' is stopped: " + info.reason);
}

}  // namespace

grpc::ServerWriteReactor<v1::WatchResponse>* ChangesService::Watch(grpc::CallbackServerContext* context,
                                                                   const v1::WatchRequest* request) {
  using Stream = std::shared_ptr<rpc::ServerStream<v1::WatchResponse>>;
  return OpenStream<v1::WatchRequest, v1::WatchResponse>(
      plane_, context, request,
      [this](const Member& member, const v1::WatchRequest& asked, const Stream& stream) -> absl::Status {
        ASSIGN_OR_RETURN(const StreamInfo info, plane_.ReadableDataset(member, asked.dataset(), "watch"));
        if (info.state != StreamInfo::State::kReady) return NotReady(asked.dataset(), info);
        ASSIGN_OR_RETURN(const Position from, Beginning(member, asked, info));
        auto watched = std::make_shared<Watched>(from, info.schema, plane_.authority().signing_public_key());
        const auto next = [this, watched]() -> absl::StatusOr<std::optional<v1::WatchResponse>> {
          while (watched->messages.empty()) {
            ASSIGN_OR_RETURN(auto part, watched->feed.Next(plane_.publisher()));
            if (!part) return std::nullopt;
            ASSIGN_OR_RETURN(std::vector<v1::WatchResponse> decoded,
                             DecodeChanges(*std::move(part), &watched->schema, watched->verifier));
            std::move(decoded.begin(), decoded.end(), std::back_inserter(watched->messages));
          }
          v1::WatchResponse message = std::move(watched->messages.front());
          watched->messages.pop_front();
          return message;
        };
        StartFeed<v1::WatchResponse>(plane_, member, info.definition_hash, stream, true, next,
                                     [watched] { watched->feed.Wake(); });
        return absl::OkStatus();
      });
}

void ChangesService::Wait(const v1::WaitForPositionRequest& asked, const DefinitionHash& stream, Lsn lsn,
                          absl::Time until, const rpc::Answer<v1::WaitForPositionResponse>& answer) {
  // Everything that is committed now is published now, and everybody told so. Without that, a later drain does it.
  bool told = plane_.engine().TellBoundary(stream).ok();
  plane_.waiters().Add(until, [this, asked, answer, stream, lsn, told](bool last) mutable {
    if (answer.given()) return true;
    const auto info = plane_.publisher().Stream(stream);
    const bool ready = info && info->state == StreamInfo::State::kReady;
    if (ready && !told) told = plane_.engine().TellBoundary(stream).ok();
    if (ready && told && info->position.lsn >= lsn) {
      v1::WaitForPositionResponse message;
      *message.mutable_position() = ToProto(plane_.publisher().Stream(stream)->position);
      answer(std::move(message));
      return true;
    }
    if (!last) return false;
    if (info && !ready)
      answer(NotReady(asked.dataset(), *info));
    else
      answer(Error(absl::StatusCode::kDeadlineExceeded, "NOT_YET_PUBLISHED",
                   "lsn " + lsn.ToText() + " is not published yet" +
                       (plane_.engine().healthy() ? std::string() : ": " + plane_.engine().problem())));
    return true;
  });
}

absl::StatusOr<Position> ChangesService::Beginning(const Member& member, const v1::WatchRequest& request,
                                                   const StreamInfo& info) {
  if (!request.has_from()) {
    return request.memory() == v1::MEMORY_SERVER ? plane_.memory().OnWatch(member.id, request.dataset(), info)
                                                 : info.position;
  }
  ASSIGN_OR_RETURN(const Position from, PositionIn(request.from(), info));
  if (from.definition != info.definition_hash) {
    return Error(absl::StatusCode::kOutOfRange, "POSITION_UNKNOWN",
                 "that position is of another definition of the dataset: read its rows anew");
  }
  return from;
}

grpc::ServerUnaryReactor* ChangesService::Acknowledge(grpc::CallbackServerContext* context,
                                                      const v1::AcknowledgeRequest* request,
                                                      v1::AcknowledgeResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::AcknowledgeRequest& asked,
                          const rpc::Answer<v1::AcknowledgeResponse>& answer) {
                     const auto take = [&]() -> absl::StatusOr<v1::AcknowledgeResponse> {
                       ASSIGN_OR_RETURN(const StreamInfo info,
                                        plane_.ReadableDataset(member, asked.dataset(), "acknowledge"));
                       ASSIGN_OR_RETURN(const Position position, PositionIn(asked.position(), info));
                       ASSIGN_OR_RETURN(const Position remembered,
                                        plane_.memory().Acknowledge(member.id, asked.dataset(), info, position));
                       v1::AcknowledgeResponse message;
                       *message.mutable_position() = ToProto(remembered);
                       return message;
                     };
                     answer(take());
                   });
}

grpc::ServerUnaryReactor* ChangesService::WaitForPosition(grpc::CallbackServerContext* context,
                                                          const v1::WaitForPositionRequest* request,
                                                          v1::WaitForPositionResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::WaitForPositionRequest& asked,
                          const rpc::Answer<v1::WaitForPositionResponse>& answer) {
                     const auto readable = plane_.ReadableDataset(member, asked.dataset(), "wait_for_position");
                     if (!readable.ok()) return answer(readable.status());
                     const absl::Duration wait = asked.has_timeout() ? std::clamp(FromProto(asked.timeout()),
                                                                                  absl::ZeroDuration(), kLongestWait)
                                                                     : kDefaultWait;
                     const absl::Time until = plane_.now() + wait;
                     const DefinitionHash stream = readable->definition_hash;
                     if (asked.lsn() != 0) return Wait(asked, stream, Lsn{asked.lsn()}, until, answer);
                     plane_.publisher().AskNewest(readable->datasets.front(),
                                                  [this, asked, stream, until, answer](absl::StatusOr<Lsn> newest) {
                                                    if (!newest.ok()) return answer(newest.status());
                                                    Wait(asked, stream, *newest, until, answer);
                                                  });
                   });
}

}  // namespace replicast::control
