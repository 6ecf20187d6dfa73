#include "server/control/messages.h"

#include "common/base/errors.h"

namespace replicast::control {

absl::StatusOr<Position> FromProto(const v1::Position& position) {
  const auto history = HistoryId::FromBytes(position.history_id());
  const auto definition = DefinitionHash::FromBytes(position.definition_hash());
  if (!history || !definition) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID",
                 "a position has a history_id of 16 bytes and a definition_hash of 32");
  }
  return Position{*history, *definition, Lsn{position.lsn()}};
}

v1::NextStep NextStepOf(NextStep step) {
  switch (step) {
    case NextStep::kFollow:
      return v1::NEXT_STEP_FOLLOW;
    case NextStep::kCatchUp:
      return v1::NEXT_STEP_CATCH_UP;
    case NextStep::kSnapshot:
      return v1::NEXT_STEP_SNAPSHOT;
  }
  return v1::NEXT_STEP_UNSPECIFIED;
}

v1::Pause PauseMessage(absl::Time until) {
  v1::Pause pause;
  if (until != absl::InfiniteFuture()) SetTime(until, pause.mutable_until());
  return pause;
}

v1::ScrubResponse ScrubOf(const ScrubReport& report) {
  v1::ScrubResponse response;
  response.set_passes(report.passes);
  SetTime(report.pass_began, response.mutable_pass_began_at());
  if (report.passes > 0) {
    SetTime(report.last_pass_ended, response.mutable_last_pass_ended_at());
    SetDuration(report.last_pass_took, response.mutable_last_pass_took());
  }
  response.set_rows_compared(report.rows_compared);
  response.set_rows_found(report.rows_found);
  response.set_hurried(report.hurried);
  for (const ScrubFinding& finding : report.findings) {
    v1::ScrubFinding* out = response.add_findings();
    SetTime(finding.at, out->mutable_found_at());
    out->set_table(finding.table);
    out->set_rows(finding.rows);
    out->set_first_key(finding.first_key);
  }
  return response;
}

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t nanoseconds = absl::ToUnixNanos(time);
  out->set_seconds(nanoseconds / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
}

void SetDuration(absl::Duration duration, google::protobuf::Duration* out) {
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(duration);
  out->set_seconds(nanoseconds / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

v1::Dataset DatasetOf(const std::string& name, const StreamInfo& info) {
  v1::Dataset dataset;
  dataset.set_name(name);
  *dataset.mutable_definition() = info.definition;
  dataset.set_definition_hash(info.definition_hash.ToBytes());
  switch (info.state) {
    case StreamInfo::State::kBuilding:
      dataset.set_state(v1::DATASET_STATE_BUILDING);
      break;
    case StreamInfo::State::kReady:
      dataset.set_state(v1::DATASET_STATE_READY);
      break;
    case StreamInfo::State::kStopped:
      dataset.set_state(v1::DATASET_STATE_STOPPED);
      break;
  }
  dataset.set_state_reason(info.reason);
  dataset.set_row_count(info.row_count);
  *dataset.mutable_schema() = info.schema;
  return dataset;
}

v1::Stream StreamOf(const StreamInfo& info, const std::optional<ChannelInfo>& channel, const Grants::WayCounts& ways) {
  v1::Stream stream;
  for (const std::string& name : info.datasets) stream.add_datasets(name);
  *stream.mutable_position() = ToProto(info.position);
  stream.set_definition_hash(info.definition_hash.ToBytes());
  stream.set_rows_published(info.rows_published);
  stream.set_oldest_lsn(info.oldest_lsn.value);
  stream.set_stored_bytes(info.stored_bytes);
  uint32_t members = 0;
  const auto of_it = ways.find(info.definition_hash);
  for (const auto& [way, count] : of_it == ways.end() ? std::map<Grants::Way, uint32_t>() : of_it->second) {
    v1::TransportCount& told = *stream.add_transports();
    told.set_transport(way.transport);
    told.set_unicast_reason(way.reason);
    told.set_members(count);
    members += count;
  }
  stream.set_members(members);
  if (!channel) return stream;
  stream.set_stream_id(channel->stream_id);
  stream.set_group(channel->group);
  stream.set_port(channel->port);
  stream.set_current_epoch(channel->epoch);
  stream.set_rate_bytes_per_second(channel->rate);
  stream.set_rate_reason(channel->rate_reason);
  stream.set_rate_floor_bytes_per_second(channel->rate_floor);
  stream.set_rate_ceiling_bytes_per_second(channel->rate_ceiling);
  stream.set_members(channel->members);
  stream.set_units_sent(channel->counters.messages);
  stream.set_frames_sent(channel->counters.frames);
  stream.set_bytes_sent(channel->counters.bytes);
  stream.set_repairs_sent(channel->counters.repaired_symbols);
  return stream;
}

v1::MemberSubscription SubscriptionOf(const MemberPositions::Standing& standing, const std::string& dataset,
                                      bool held) {
  v1::MemberSubscription subscription;
  subscription.set_dataset(dataset);
  subscription.set_memory(standing.server_remembers() ? v1::MEMORY_SERVER : v1::MEMORY_CLIENT);
  if (standing.position) *subscription.mutable_position() = ToProto(*standing.position);
  SetTime(standing.at, subscription.mutable_reported_at());
  subscription.set_transport(standing.transport);
  subscription.set_unicast_reason(standing.unicast_reason);
  subscription.set_paused(standing.paused);
  subscription.set_held(held);
  return subscription;
}

v1::Member MemberOf(const Member& member, const Membership::Activity* activity) {
  v1::Member message;
  message.set_member_id(member.id.ToBytes());
  message.set_display_name(member.display_name);
  for (const std::string& dataset : member.datasets) message.add_datasets(dataset);
  message.set_revoked(member.revoked);
  message.set_role(member.role);
  SetTime(member.enrolled_at, message.mutable_enrolled_at());
  SetTime(member.certificate_expires_at, message.mutable_certificate_expires_at());
  if (activity == nullptr) return message;
  if (activity->last_seen > absl::InfinitePast()) SetTime(activity->last_seen, message.mutable_last_seen_at());
  if (activity->report.has_position()) *message.mutable_position() = activity->report.position();
  message.set_expected_symbols(activity->report.expected_symbols());
  message.set_missing_symbols(activity->report.missing_symbols());
  message.set_max_rate_bytes_per_second(activity->max_rate);
  return message;
}

}  // namespace replicast::control
