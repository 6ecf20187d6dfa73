#include "server/control/synchronization_service.h"

#include <algorithm>
#include <deque>
#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "server/control/call.h"
#include "server/control/message_feed.h"
#include "server/control/messages.h"
#include "server/control/rate_service.h"
#include "server/synchronization/chunk_feed.h"
#include "server/synchronization/unit_feed.h"

namespace replicast::control {
namespace {

// That wait for a member that does not read: of more it misses the oldest, and hears of them with its next report.
constexpr size_t kMostNotices = 64;

}  // namespace

absl::StatusOr<v1::RepairResponse> SynchronizationService::Repairs(const Member& member,
                                                                   const v1::RepairRequest& request) {
  const auto channel = plane_.multicaster().ChannelById(request.stream_id());
  if (!channel)
    return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "there is no such stream any more: subscribe again");
  RETURN_IF_ERROR(plane_.ReadableStream(member, channel->definition_hash, "repair").status());
  if (request.missing_size() > static_cast<int>(limits::kMaxRepairRanges)) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "a repair names at most 64 ranges");
  }
  if (request.has_report()) RETURN_IF_ERROR(TakeReport(plane_, member, request.stream_id(), request.report()).status());
  std::vector<delivery::SymbolSpan> missing;
  for (const v1::SymbolRange& range : request.missing()) missing.push_back({range.first(), range.last()});
  ASSIGN_OR_RETURN(RepairResult result,
                   plane_.multicaster().Repair(request.stream_id(), request.incarnation(), member.id, missing));
  v1::RepairResponse response;
  switch (result.outcome) {
    case RepairResult::Outcome::kFrames:
      response.set_outcome(v1::REPAIR_OUTCOME_FRAMES);
      for (std::string& frame : result.frames) response.add_frames(std::move(frame));
      break;
    case RepairResult::Outcome::kWait:
      response.set_outcome(v1::REPAIR_OUTCOME_WAIT);
      SetDuration(result.retry_after, response.mutable_retry_after());
      break;
    case RepairResult::Outcome::kCatchUp:
      response.set_outcome(v1::REPAIR_OUTCOME_CATCH_UP);
      break;
  }
  return response;
}

grpc::ServerUnaryReactor* SynchronizationService::Repair(grpc::CallbackServerContext* context,
                                                         const v1::RepairRequest* request,
                                                         v1::RepairResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::RepairRequest& asked,
                          const rpc::Answer<v1::RepairResponse>& answer) { answer(Repairs(member, asked)); });
}

absl::Status SynchronizationService::SendUnits(const Member& member, const v1::CatchUpRequest& request,
                                               const Units& to) {
  ASSIGN_OR_RETURN(const Position from, FromProto(request.position()));
  RETURN_IF_ERROR(plane_.ReadableStream(member, from.definition, "catch_up").status());
  plane_.NotePosition(member.id, from);
  auto feed = std::make_shared<UnitFeed>(from);
  auto notices = std::make_shared<std::deque<std::string>>();
  const auto next = [this, feed, notices]() -> absl::StatusOr<std::optional<v1::CatchUpResponse>> {
    v1::CatchUpResponse message;
    if (!notices->empty()) {
      REPLICAST_CHECK(message.mutable_notice()->ParseFromString(notices->front()));
      notices->pop_front();
    } else {
      ASSIGN_OR_RETURN(const auto part, feed->Next(plane_.publisher()));
      if (!part) return std::nullopt;
      REPLICAST_CHECK(message.mutable_part()->ParseFromString(*part));
    }
    message.set_newest_lsn(std::max(feed->position().lsn, Lsn::Of(plane_.publisher().published().number, 0)).value);
    return message;
  };
  const auto on_notice = [notices, follow = request.follow()](const std::string& notice) {
    if (!follow) return;
    notices->push_back(notice);
    if (notices->size() > kMostNotices) notices->pop_front();
  };
  StartFeed<v1::CatchUpResponse>(
      plane_, member, from.definition, to, request.follow(), next, [feed] { feed->Wake(); }, on_notice);
  return absl::OkStatus();
}

grpc::ServerWriteReactor<v1::CatchUpResponse>* SynchronizationService::CatchUp(grpc::CallbackServerContext* context,
                                                                               const v1::CatchUpRequest* request) {
  return OpenStream<v1::CatchUpRequest, v1::CatchUpResponse>(
      plane_, context, request, [this](const Member& member, const v1::CatchUpRequest& asked, const Units& stream) {
        return SendUnits(member, asked, stream);
      });
}

absl::Status SynchronizationService::SendChunks(const Member& member, const v1::SnapshotRequest& request,
                                                const Chunks& to) {
  const auto definition = DefinitionHash::FromBytes(request.definition_hash());
  if (!definition)
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "a definition_hash has 32 bytes");
  RETURN_IF_ERROR(plane_.ReadableStream(member, *definition, "snapshot").status());
  ASSIGN_OR_RETURN(ChunkFeed begun, ChunkFeed::Begin(plane_.publisher(), request));
  auto feed = std::make_shared<ChunkFeed>(std::move(begun));
  StartFeed<v1::SnapshotResponse>(
      plane_, member, *definition, to, false, [this, feed] { return feed->Next(plane_.publisher()); }, [] {});
  return absl::OkStatus();
}

grpc::ServerWriteReactor<v1::SnapshotResponse>* SynchronizationService::Snapshot(grpc::CallbackServerContext* context,
                                                                                 const v1::SnapshotRequest* request) {
  return OpenStream<v1::SnapshotRequest, v1::SnapshotResponse>(
      plane_, context, request, [this](const Member& member, const v1::SnapshotRequest& asked, const Chunks& stream) {
        return SendChunks(member, asked, stream);
      });
}

grpc::ServerUnaryReactor* SynchronizationService::Compare(grpc::CallbackServerContext* context,
                                                          const v1::CompareRequest* request,
                                                          v1::CompareResponse* response) {
  return ForMember(
      plane_, context, request, response,
      [this](const Member& member, const v1::CompareRequest& asked, const rpc::Answer<v1::CompareResponse>& answer) {
        const auto position = FromProto(asked.position());
        if (!position.ok()) return answer(position.status());
        const auto readable = plane_.ReadableStream(member, position->definition, "compare");
        if (!readable.ok()) return answer(readable.status());
        const auto still_wanted = [this, answer, id = member.id, role = member.role] {
          return !answer.given() && plane_.membership().Authenticate(id, role).ok();
        };
        std::optional<v1::KeyRanges> ranges;
        if (asked.has_ranges()) ranges = asked.ranges();
        plane_.comparisons().Add(*position, std::move(ranges), still_wanted,
                                 [answer](absl::StatusOr<v1::CompareResponse> result) { answer(std::move(result)); });
      });
}

}  // namespace replicast::control
