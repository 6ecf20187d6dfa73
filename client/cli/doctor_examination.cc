#include "client/cli/doctor_examination.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "client/apply/replica_database.h"
#include "client/control/member_credential.h"
#include "client/database_lock.h"
#include "client/doctor/local_facts.h"
#include "client/doctor/network_state.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/net/datagram_transport.h"
#include "common/net/interfaces.h"
#include "common/wire/probe_datagram.h"

namespace replicast::cli {
namespace {

using doctor::Facts;
using doctor::Role;

// After the last datagram was sent: what waits in queues on the way comes within it.
constexpr absl::Duration kGrace = absl::Milliseconds(700);
constexpr absl::Duration kAtEnd = absl::Seconds(1);  // the probe behind a soak
constexpr absl::Duration kTryAgain = absl::Seconds(2);
constexpr int kTries = 5;
// A replica that was just started, or takes another server, joins its group within it.
constexpr absl::Duration kJoining = absl::Seconds(1);
constexpr uint16_t kDefaultPort = 7422;

}  // namespace

absl::Status Examination::Run() {
  facts_.now = absl::Now();
  doctor::LookAtInterfaces(&facts_);
  if (!options_.database.empty())
    RETURN_IF_ERROR(PrepareReplica());
  else
    RETURN_IF_ERROR(PrepareServer());
  ChooseInterface();
  doctor::LookAtRoutes(&facts_);
  NoteDaemonsMembership();
  if (!facts_.group.empty()) Listen();
  return absl::OkStatus();
}

absl::Status Examination::PrepareReplica() {
  const std::string folder = CredentialFolder(options_.database);
  ASSIGN_OR_RETURN(const ReplicaDatabase::Shown shown, ReplicaDatabase::ReadShown(options_.database));
  ASSIGN_OR_RETURN(const ReplicaSettings settings, LoadReplicaSettings(folder));
  const auto credential = LoadMemberCredential(folder);
  if (credential.ok() && *credential) {
    facts_.certificate_from = (*credential)->not_before;
    facts_.certificate_until = (*credential)->not_after;
  }
  configured_interface_ = settings.interface;
  stream_.dataset = settings.dataset;
  const auto daemon = nlohmann::json::parse(shown.daemon_state_json, nullptr, false);
  const auto text = [&daemon](const char* name) {
    const auto found = daemon.is_object() ? daemon.find(name) : daemon.end();
    return daemon.is_object() && found != daemon.end() && found->is_string() ? found->get<std::string>()
                                                                             : std::string();
  };
  const std::string id = HexDecode(text("stream_id")).value_or("");
  if (id.size() == 4) {
    for (const char byte : id) stream_.stream_id = stream_.stream_id << 8 | static_cast<unsigned char>(byte);
  }
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context_, folder));
  Ask(std::move(connection));
  const std::string group = text("group");
  const size_t colon = group.rfind(':');
  if (facts_.group.empty() && colon != std::string::npos) {
    facts_.group = group.substr(0, colon);
    facts_.port = static_cast<uint16_t>(std::atoi(group.c_str() + colon + 1));
  }
  daemon_listens_ = DatabaseLock::Read(folder).alive() && text("state") == "live" && text("unicast").empty() &&
                    group == facts_.group + ":" + std::to_string(facts_.port);
  return absl::OkStatus();
}

absl::Status Examination::PrepareServer() {
  Context context = context_;
  if (!options_.directory.empty()) context.credentials = options_.directory;
  auto connection = Connection::Open(context);
  if (connection.ok()) {
    Ask(*std::move(connection));
    if (facts_.server.asked) {
      const absl::Status receivers = AskReceivers(*connection_, &facts_);
      if (!receivers.ok()) facts_.not_looked_at.push_back("receivers: " + std::string(receivers.message()));
    }
  } else if (options_.directory.empty() && !options_.group.empty()) {
    facts_.role = Role::kStandalone;
    facts_.group = options_.group;
    facts_.port = options_.port == 0 ? kDefaultPort : options_.port;
    return absl::OkStatus();
  } else {
    return connection.status();
  }
  if (!options_.directory.empty() && !facts_.server.asked) RETURN_IF_ERROR(PrepareServerFromItsFolder());
  for (const auto& sending : facts_.server.interfaces) {
    if (!IsOurs(sending.source)) continue;
    facts_.role = Role::kServer;
    if (configured_interface_.empty()) configured_interface_ = sending.name;
  }
  return absl::OkStatus();
}

absl::Status Examination::PrepareServerFromItsFolder() {
  ASSIGN_OR_RETURN(const SendingSettings settings, reader_(options_.directory));
  configured_interface_ = settings.interface;
  facts_.role = Role::kServer;
  facts_.server.ttl = settings.ttl;
  facts_.server.frame_size = settings.frame_size;
  facts_.server.rate = settings.rate_ceiling;
  if (!options_.group.empty()) {
    facts_.group = options_.group;
    facts_.port = options_.port == 0 ? settings.port : options_.port;
  }
  return absl::OkStatus();
}

void Examination::Ask(Connection connection) {
  connection_.emplace(std::move(connection));
  facts_.server.address = connection_->address();
  server_problem_ = AskNetwork(*connection_, stream_, &facts_);
  facts_.server.asked = server_problem_.ok();
  facts_.server.problem = std::string(server_problem_.message());
  if (facts_.server.asked && facts_.group.empty()) {
    facts_.not_looked_at.push_back("multicast: the server has no group for this stream, its members follow by unicast");
  }
}

bool Examination::IsOurs(const std::string& address) const {
  for (const auto& [name, interface] : facts_.interfaces) {
    for (const auto& each : interface.addresses) {
      if (each.address == address) return true;
    }
  }
  return false;
}

bool Examination::ToV6() const { return facts_.group.find(':') != std::string::npos; }

void Examination::ChooseInterface() {
  auto& sending = facts_.server.interfaces;
  std::string& chosen = facts_.interface;
  chosen = !options_.interface.empty() ? options_.interface : configured_interface_;
  for (const auto& source : sending) {
    for (const auto& [name, each] : facts_.interfaces) {
      if (chosen.empty() && doctor::IsOnLink(each, source.source)) chosen = name;
    }
  }
  if (chosen.empty()) {
    std::vector<net::IpAddress> sources;
    for (const auto& source : sending) {
      if (const auto address = net::IpAddress::Parse(source.source)) sources.push_back(*address);
    }
    const auto found = net::FindInterfaceTowards(sources, ToV6());
    if (found.ok())
      chosen = found->name;
    else
      facts_.not_looked_at.push_back("interface: " + std::string(found.status().message()));
  }
  // Of several that the server sends from, the one that is meant for this interface.
  const auto found = facts_.interfaces.find(chosen);
  if (found == facts_.interfaces.end()) return;
  std::stable_partition(sending.begin(), sending.end(),
                        [&](const auto& each) { return doctor::IsOnLink(found->second, each.source); });
}

void Examination::NoteDaemonsMembership() {
  if (!daemon_listens_) return;
  facts_.daemon_follows_multicast = true;
  const absl::Time deadline = absl::Now() + kJoining;
  while (true) {
    doctor::LookAtMemberships(&facts_);
    facts_.group_joined_before = doctor::IsJoined(facts_);
    if (facts_.group_joined_before || absl::Now() > deadline) return;
    absl::SleepFor(absl::Milliseconds(100));
  }
}

void Examination::Listen() {
  const absl::Time begun = absl::Now();
  doctor::Listening::Options options;
  options.group = facts_.group;
  options.port = facts_.port;
  options.interface = facts_.interface;
  if (!facts_.server.interfaces.empty()) options.source = facts_.server.interfaces[0].source;
  for (const auto& [name, each] : facts_.interfaces) {
    if (name != facts_.interface && each.up && (each.multicast || each.loopback)) options.others.push_back(name);
  }
  doctor::Listening listening(options);
  facts_.join_error = listening.join_error();
  facts_.buffer_bytes = listening.buffer_bytes();
  facts_.queries_audible = listening.query_error().empty();
  if (!facts_.queries_audible) facts_.not_looked_at.push_back("queries: " + listening.query_error());
  doctor::LookAtMemberships(&facts_);
  facts_.joined_in_kernel = doctor::IsJoined(facts_);
  doctor::LookAtFirewall(&facts_);
  if (facts_.role == Role::kStandalone)
    ProbeOurselves(listening);
  else
    facts_.probes = Probe(listening, std::max(options_.listen_for - kGrace, absl::Seconds(1)), &server_problem_);
  facts_.probes_elsewhere = listening.elsewhere();
  doctor::LookAtFirewallAgain(&facts_);
  if (options_.soak > absl::ZeroDuration()) Soak(listening, begun);
  facts_.stream_frames = listening.frames();
  facts_.dropped_by_socket = listening.dropped();
  facts_.queriers = listening.queriers();
  facts_.listened = absl::Now() - begun;
  for (const auto& [who, count] : listening.strangers())
    facts_.not_looked_at.push_back(HumanCount(count) + " probes of another doctor came from " + who);
}

std::vector<doctor::ProbeFacts> Examination::Probe(doctor::Listening& listening, absl::Duration duration,
                                                   absl::Status* problem) {
  std::vector<doctor::ProbeFacts> sent;
  const absl::Time least = absl::Now() + duration;
  for (int i = 0; facts_.server.asked && i < kTries; ++i) {
    const std::string nonce = random_.Bytes(wire::kProbeNonceSize);
    listening.Expect(nonce);
    ServerProbe probe(*connection_, stream_, nonce, duration);
    listening.Listen(absl::InfiniteFuture(), [&] { return probe.done(); });
    *problem = probe.Finish(&sent);
    if (ReasonOf(*problem) != "PROBE_BUSY") break;
    listening.Listen(absl::Now() + kTryAgain, [] { return false; });
  }
  listening.Listen(std::max(absl::Now() + kGrace, least), [] { return false; });
  if (facts_.server.asked && !problem->ok()) {
    facts_.server.asked = false;
    facts_.server.problem = std::string(connection_->Explain(*problem).message());
  }
  return listening.tally().Compare(std::move(sent));
}

void Examination::ProbeOurselves(doctor::Listening& listening) {
  const std::string nonce = random_.Bytes(wire::kProbeNonceSize);
  listening.Expect(nonce);
  std::vector<doctor::ProbeFacts> sent = {{doctor::ProbeKind::kSmall, 64},
                                          {doctor::ProbeKind::kFull, limits::kDefaultFrameSize}};
  const auto sender = net::OpenMulticastSender(facts_.interface, net::SendingOptions{.v6 = ToV6(), .ttl = 1});
  if (!sender.ok()) facts_.not_looked_at.push_back("sending: " + std::string(sender.status().message()));
  const int rounds = static_cast<int>(std::max<int64_t>(absl::ToInt64Milliseconds(options_.listen_for) / 100, 1));
  for (int i = 0; i < rounds; ++i) {
    for (doctor::ProbeFacts& each : sent) {
      if (!sender.ok()) continue;
      const wire::ProbeDatagram probe{nonce, static_cast<uint8_t>(each.kind), each.sent};
      each.sent +=
          static_cast<uint32_t>((*sender)->Send(facts_.group, facts_.port, {wire::SerializeProbe(probe, each.bytes)}));
    }
    listening.Listen(absl::Now() + absl::Milliseconds(100), [] { return false; });
  }
  listening.Listen(absl::Now() + kGrace, [] { return false; });
  facts_.probes = listening.tally().Compare(std::move(sent));
}

void Examination::Soak(doctor::Listening& listening, absl::Time begun) {
  if (listening.heard() == 0) {
    facts_.not_looked_at.push_back(
        "the soak: nothing came from the beginning; end replicast-replica for once, so that the group is joined "
        "anew");
    return;
  }
  std::fprintf(stderr, "soaking for %s…\n", HumanSeconds(absl::ToDoubleSeconds(options_.soak)).c_str());
  listening.Listen(begun + options_.soak, [] { return false; });
  Facts::Soak soak;
  soak.lasted = absl::Now() - begun;
  soak.heard = listening.heard();
  soak.last_heard = listening.last_heard() - begun;
  absl::Status problem;
  for (const doctor::ProbeFacts& each : Probe(listening, kAtEnd, &problem)) {
    soak.sent_at_end += each.sent;
    soak.received_at_end += each.received;
  }
  facts_.soak = soak;
}

}  // namespace replicast::cli
