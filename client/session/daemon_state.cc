#include "client/session/daemon_state.h"

#include <nlohmann/json.hpp>

#include "common/base/encoding.h"

namespace replicast {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kBetweenWrites = absl::Seconds(1);
constexpr absl::Duration kBetweenCounters = absl::Seconds(30);

std::string HexNumber(uint32_t number) {
  std::string bytes;
  AppendBigEndian32(&bytes, number);
  return HexEncode(bytes);
}

Json PathServerJson(const v1::PathServer& server) {
  v1::GrantStatement granted;
  const bool relay = granted.ParseFromString(server.signed_grant().statement()) && granted.has_expires_at();
  return {{"server_id", HexEncode(server.server_id())},
          {"name", server.display_name()},
          {"granted_until",
           relay ? Json(absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(granted.expires_at().seconds()),
                                         absl::UTCTimeZone()))
                 : Json()}};
}

// What changes only when something happens.
Json Gist(const ReplicaSession& session, uint64_t dropped, absl::Time now) {
  Json json;
  json["state"] = session.ended() ? "ended" : std::string(PhaseName(session.phase()));
  json["server"] = session.server();
  json["server_away"] = session.server_away();
  json["member_id"] = session.options().member.ToHex();
  json["path"] = Json::array();
  for (const v1::PathServer& server : session.path()) json["path"].push_back(PathServerJson(server));
  const v1::Grant grant = session.grant().value_or(v1::Grant());
  json["group"] = grant.group().empty() ? "" : grant.group() + ":" + std::to_string(grant.port());
  json["stream_id"] = HexNumber(grant.stream_id());
  const delivery::StreamReceiver* receiver = session.receiver();
  json["epoch"] = receiver == nullptr ? 0 : receiver->current_epoch();
  json["incarnation"] = receiver == nullptr ? 0 : receiver->incarnation();
  json["rate_bytes_per_second"] = session.losses().rate();
  json["problem"] = session.Problem(now);
  json["transport"] = session.by_unicast() ? "unicast" : "multicast";
  if (session.by_unicast()) json["unicast"] = session.choice().Sentence();
  json["paused"] = session.paused();
  json["memory"] = session.options().memory == v1::MEMORY_SERVER ? "server" : "client";
  json["until"] = session.content().stop().ToText();
  const delivery::ReceiverCounters counters = receiver == nullptr ? delivery::ReceiverCounters{} : receiver->counters();
  json["reception"] = {{"missing_symbols", counters.missing_symbols},
                       {"repairs", session.losses().repairs()},
                       {"gaps_given_up", counters.gaps_given_up},
                       {"dropped", dropped}};
  const ContentFollower::Counters& content = session.content().counters();
  json["content"] = {{"snapshots", content.snapshots},
                     {"catch_ups", content.catch_ups},
                     {"bad_signatures", content.bad_signatures},
                     {"broken_parts", content.broken_parts},
                     {"damages", content.damages}};
  return json;
}

}  // namespace

std::string DaemonStateJson(const ReplicaSession& session, uint64_t dropped_datagrams, absl::Time now, bool stopped) {
  Json json = Gist(session, dropped_datagrams, now);
  if (stopped && !session.ended()) json["state"] = "stopped";
  const ContentFollower::Counters& content = session.content().counters();
  json["content"]["live_parts"] = content.live_parts;
  json["content"]["caught_up_parts"] = content.caught_up_parts;
  const delivery::StreamReceiver* receiver = session.receiver();
  if (receiver == nullptr) return json.dump();
  const delivery::ReceiverCounters& counters = receiver->counters();
  uint64_t frames = 0;
  json["frames"] = Json::object();
  for (size_t i = 0; i < counters.outcomes.size(); ++i) {
    frames += counters.outcomes[i];
    if (counters.outcomes[i] > 0)
      json["frames"][std::string(OutcomeName(static_cast<delivery::FrameOutcome>(i)))] = counters.outcomes[i];
  }
  json["reception"]["frames"] = frames;
  json["reception"]["bytes"] = counters.bytes;
  json["reception"]["expected_symbols"] = counters.expected_symbols;
  return json.dump();
}

std::optional<std::string> DaemonStateWriter::Due(const ReplicaSession& session, uint64_t dropped_datagrams,
                                                  absl::Time now) {
  if (now < wanted_at_) return std::nullopt;
  std::string gist = Gist(session, dropped_datagrams, now).dump();
  if (gist == written_gist_ && now < written_ + kBetweenCounters) {
    wanted_at_ = now + kBetweenWrites;
    return std::nullopt;
  }
  written_gist_ = std::move(gist);
  written_ = now;
  wanted_at_ = now + kBetweenWrites;
  return DaemonStateJson(session, dropped_datagrams, now);
}

}  // namespace replicast
