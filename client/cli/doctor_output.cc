#include "client/cli/doctor_output.h"

#include <absl/time/time.h>

#include "common/base/encoding.h"

namespace replicast::cli {
namespace {

using Json = nlohmann::ordered_json;
using doctor::Facts;
using doctor::Finding;

const char* NameOf(doctor::Role role) {
  return role == doctor::Role::kReplica ? "replica" : role == doctor::Role::kServer ? "server" : "standalone";
}
const char* NameOf(doctor::ProbeKind kind) {
  return kind == doctor::ProbeKind::kSmall ? "small" : kind == doctor::ProbeKind::kFull ? "full" : "burst";
}
const char* NameOf(Finding::Severity severity) { return severity == Finding::Severity::kFault ? "fault" : "risk"; }

std::string Line(const std::string& name, const std::string& text) {
  return name + std::string(name.size() < 11 ? 11 - name.size() : 1, ' ') + text + "\n";
}

std::string ServerText(const Facts& facts) {
  const doctor::ServerFacts& server = facts.server;
  if (server.interfaces.empty()) return server.address + " could not be asked: " + server.problem;
  std::string text =
      server.address + ", sends from " + server.interfaces[0].source + " on " + server.interfaces[0].name;
  if (server.ttl > 0) text += ", TTL " + std::to_string(server.ttl);
  text += ", frames of " + HumanCount(server.frame_size) + " bytes, " + HumanBytes(server.rate) + "/s";
  if (!server.asked) text += "; it sent no probe: " + server.problem;
  return text;
}

std::string ProbesText(const Facts& facts) {
  std::string text;
  for (const doctor::ProbeFacts& probe : facts.probes) {
    text += std::string(text.empty() ? "" : ", ") + NameOf(probe.kind) + " " + std::to_string(probe.received) + " of " +
            std::to_string(probe.sent);
  }
  return text;
}

}  // namespace

Json DoctorJson(const Facts& facts, const std::vector<Finding>& findings) {
  Json server = {{"address", facts.server.address}, {"asked", facts.server.asked}, {"problem", facts.server.problem}};
  server["interfaces"] = Json::array();
  for (const auto& each : facts.server.interfaces)
    server["interfaces"].push_back({{"name", each.name}, {"source", each.source}, {"mtu", each.mtu}});
  server["ttl"] = facts.server.ttl;
  server["frame_size"] = facts.server.frame_size;
  server["rate_bytes_per_second"] = facts.server.rate;
  server["clock_offset_seconds"] =
      facts.server.clock_offset ? Json(absl::ToDoubleSeconds(*facts.server.clock_offset)) : Json();
  Json json = {
      {"role", NameOf(facts.role)}, {"interface", facts.interface}, {"group", facts.group}, {"port", facts.port}};
  json["server"] = std::move(server);
  json["listened_seconds"] = absl::ToDoubleSeconds(facts.listened);
  json["probes"] = Json::array();
  for (const doctor::ProbeFacts& probe : facts.probes) {
    json["probes"].push_back({{"kind", NameOf(probe.kind)},
                              {"bytes", probe.bytes},
                              {"sent", probe.sent},
                              {"received", probe.received},
                              {"longest_gap", probe.longest_gap}});
  }
  json["stream_frames"] = facts.stream_frames;
  json["dropped_by_socket"] = facts.dropped_by_socket;
  json["buffer_bytes"] = facts.buffer_bytes;
  json["heard_elsewhere"] = Json::object();
  for (const auto& [name, count] : facts.probes_elsewhere) json["heard_elsewhere"][name] = count;
  json["queriers"] = facts.queriers;
  json["soak"] = nullptr;
  if (facts.soak) {
    json["soak"] = {{"seconds", absl::ToDoubleSeconds(facts.soak->lasted)},
                    {"last_heard_seconds", absl::ToDoubleSeconds(facts.soak->last_heard)},
                    {"heard", facts.soak->heard},
                    {"sent_at_end", facts.soak->sent_at_end},
                    {"received_at_end", facts.soak->received_at_end}};
  }
  json["not_looked_at"] = facts.not_looked_at;
  json["findings"] = Json::array();
  for (const Finding& each : findings) {
    json["findings"].push_back(
        {{"id", each.id}, {"severity", NameOf(each.severity)}, {"seen", each.seen}, {"advice", each.advice}});
  }
  return json;
}

std::string DoctorText(const Facts& facts, const std::vector<Finding>& findings) {
  std::string text;
  if (!facts.server.address.empty()) text += Line("server", ServerText(facts));
  text += Line("interface", facts.interface.empty() ? "none" : facts.interface);
  if (facts.group.empty()) {
    text += Line("group", "none is known: nothing was listened to");
  } else {
    const bool v6 = facts.group.find(':') != std::string::npos;
    text += Line("listened", HumanSeconds(absl::ToDoubleSeconds(facts.listened)) + " to " +
                                 (v6 ? "[" + facts.group + "]:" : facts.group + ":") + std::to_string(facts.port));
    if (!facts.probes.empty()) text += Line("probes", ProbesText(facts) + " came");
    text += Line("stream", HumanCount(facts.stream_frames) + " frames came");
  }
  for (const auto& [name, count] : facts.probes_elsewhere)
    text += Line("elsewhere", std::to_string(count) + " probes came by " + name);
  if (facts.soak) {
    text += Line("soak", "the last of " + HumanCount(facts.soak->heard) + " datagrams came " +
                             HumanSeconds(absl::ToDoubleSeconds(facts.soak->last_heard)) + " after joining, of " +
                             HumanSeconds(absl::ToDoubleSeconds(facts.soak->lasted)));
  }
  for (const std::string& querier : facts.queriers) text += Line("querier", querier);
  for (const std::string& each : facts.not_looked_at) text += Line("not seen", each);
  text += "\n";
  for (const Finding& each : findings) {
    text += each.id + (each.severity == Finding::Severity::kRisk ? " (a risk)" : "") + "\n  seen  " + each.seen +
            "\n  do    " + each.advice + "\n";
  }
  if (!findings.empty())
    return text + std::to_string(findings.size()) + (findings.size() == 1 ? " finding\n" : " findings\n");
  return text +
         (facts.server.address.empty() || facts.server.asked
              ? "nothing is wrong here\n"
              : "nothing is wrong on this machine; what the server sends could not be compared with what came\n");
}

}  // namespace replicast::cli
