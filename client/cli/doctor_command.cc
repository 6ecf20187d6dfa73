#include <absl/time/clock.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "client/apply/replica_database.h"
#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/doctor_output.h"
#include "client/cli/doctor_server.h"
#include "client/cli/json_output.h"
#include "client/control/member_credential.h"
#include "client/database_lock.h"
#include "client/doctor/diagnosis.h"
#include "client/doctor/listening.h"
#include "client/doctor/local_facts.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/random.h"
#include "common/net/datagram_transport.h"
#include "common/net/interfaces.h"
#include "common/wire/probe_datagram.h"

namespace replicast::cli {
namespace {

using doctor::Facts;
using doctor::Role;

// After the last datagram was sent: what waits in queues on the way comes within it.
constexpr absl::Duration kGrace = absl::Milliseconds(700);
constexpr absl::Duration kLongestFor = absl::Seconds(30), kLongestSoak = absl::Hours(1);
constexpr absl::Duration kAtEnd = absl::Seconds(1);  // the probe behind a soak
constexpr absl::Duration kTryAgain = absl::Seconds(2);
constexpr int kTries = 5;
// A replica that was just started, or takes another server, joins its group within it.
constexpr absl::Duration kJoining = absl::Seconds(1);
constexpr uint16_t kDefaultPort = 7422;

struct Arguments {
  std::string database, directory, interface, group;
  std::string listen_for = "5s", soak;
  uint16_t port = 0;
};

// One run: who we are, what this machine tells, what came of what was sent.
class Examination {
 public:
  Examination(const Context& context, const Arguments& arguments, absl::Duration listen_for, absl::Duration soak,
              const SendingSettingsReader& reader)
      : context_(context), arguments_(arguments), listen_for_(listen_for), soak_(soak), reader_(reader) {}

  absl::Status Run() {
    facts_.now = absl::Now();
    doctor::LookAtInterfaces(&facts_);
    if (!arguments_.database.empty())
      RETURN_IF_ERROR(PrepareReplica());
    else
      RETURN_IF_ERROR(PrepareServer());
    ChooseInterface();
    doctor::LookAtRoutes(&facts_);
    NoteDaemonsMembership();
    if (!facts_.group.empty()) Listen();
    return absl::OkStatus();
  }
  const Facts& facts() const { return facts_; }
  // Why the server did not answer, or did not probe.
  const absl::Status& server_problem() const { return server_problem_; }

 private:
  absl::Status PrepareReplica() {
    const std::string folder = CredentialFolder(arguments_.database);
    ASSIGN_OR_RETURN(const ReplicaDatabase::Shown shown, ReplicaDatabase::ReadShown(arguments_.database));
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

  absl::Status PrepareServer() {
    Context context = context_;
    if (!arguments_.directory.empty()) context.credentials = arguments_.directory;
    auto connection = Connection::Open(context);
    if (connection.ok()) {
      Ask(*std::move(connection));
      if (facts_.server.asked) {
        const absl::Status receivers = AskReceivers(*connection_, &facts_);
        if (!receivers.ok()) facts_.not_looked_at.push_back("receivers: " + std::string(receivers.message()));
      }
    } else if (arguments_.directory.empty() && !arguments_.group.empty()) {
      facts_.role = Role::kStandalone;
      facts_.group = arguments_.group;
      facts_.port = arguments_.port == 0 ? kDefaultPort : arguments_.port;
      return absl::OkStatus();
    } else {
      return connection.status();
    }
    if (!arguments_.directory.empty() && !facts_.server.asked) {
      ASSIGN_OR_RETURN(const SendingSettings settings, reader_(arguments_.directory));
      configured_interface_ = settings.interface;
      facts_.role = Role::kServer;
      facts_.server.ttl = settings.ttl;
      facts_.server.frame_size = settings.frame_size;
      facts_.server.rate = settings.rate_ceiling;
      if (!arguments_.group.empty()) {
        facts_.group = arguments_.group;
        facts_.port = arguments_.port == 0 ? settings.port : arguments_.port;
      }
    }
    for (const auto& sending : facts_.server.interfaces) {
      if (!IsOurs(sending.source)) continue;
      facts_.role = Role::kServer;
      configured_interface_ = sending.name;
    }
    return absl::OkStatus();
  }

  void Ask(Connection connection) {
    connection_.emplace(std::move(connection));
    facts_.server.address = connection_->address();
    server_problem_ = AskNetwork(*connection_, stream_, &facts_);
    facts_.server.asked = server_problem_.ok();
    facts_.server.problem = std::string(server_problem_.message());
    if (facts_.server.asked && facts_.group.empty()) {
      facts_.not_looked_at.push_back(
          "multicast: the server has no group for this stream, its members follow by unicast");
    }
  }

  bool IsOurs(const std::string& address) const {
    for (const auto& [name, interface] : facts_.interfaces) {
      for (const auto& each : interface.addresses) {
        if (each.address == address) return true;
      }
    }
    return false;
  }

  // As a replica chooses it.
  void ChooseInterface() {
    facts_.interface = !arguments_.interface.empty() ? arguments_.interface : configured_interface_;
    if (!facts_.interface.empty()) return;
    const std::string source = facts_.server.interfaces.empty() ? "" : facts_.server.interfaces[0].source;
    const auto found = net::FindInterfaceTowards(source);
    if (found.ok())
      facts_.interface = found->name;
    else
      facts_.not_looked_at.push_back("interface: " + std::string(found.status().message()));
  }

  void NoteDaemonsMembership() {
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

  void Listen() {
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
      facts_.probes = Probe(listening, std::max(listen_for_ - kGrace, absl::Seconds(1)), &server_problem_);
    facts_.probes_elsewhere = listening.elsewhere();
    doctor::LookAtFirewallAgain(&facts_);
    if (soak_ > absl::ZeroDuration()) Soak(listening, begun);
    facts_.stream_frames = listening.frames();
    facts_.dropped_by_socket = listening.dropped();
    facts_.queriers = listening.queriers();
    facts_.listened = absl::Now() - begun;
    for (const auto& [who, count] : listening.strangers())
      facts_.not_looked_at.push_back(HumanCount(count) + " probes of another doctor came from " + who);
  }

  // Has the server send, and listens meanwhile, at least so long as if it did.
  std::vector<doctor::ProbeFacts> Probe(doctor::Listening& listening, absl::Duration duration, absl::Status* problem) {
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

  // Nobody else sends: what leaves this machine should come back to it, and to every other doctor on the network.
  void ProbeOurselves(doctor::Listening& listening) {
    const std::string nonce = random_.Bytes(wire::kProbeNonceSize);
    listening.Expect(nonce);
    std::vector<doctor::ProbeFacts> sent = {{doctor::ProbeKind::kSmall, 64},
                                            {doctor::ProbeKind::kFull, limits::kDefaultFrameSize}};
    const auto sender = net::OpenMulticastSender(facts_.interface, 1);
    if (!sender.ok()) facts_.not_looked_at.push_back("sending: " + std::string(sender.status().message()));
    const int rounds = static_cast<int>(std::max<int64_t>(absl::ToInt64Milliseconds(listen_for_) / 100, 1));
    for (int i = 0; i < rounds; ++i) {
      for (doctor::ProbeFacts& each : sent) {
        if (!sender.ok()) continue;
        const wire::ProbeDatagram probe{nonce, static_cast<uint8_t>(each.kind), each.sent};
        each.sent += static_cast<uint32_t>(
            (*sender)->Send(facts_.group, facts_.port, {wire::SerializeProbe(probe, each.bytes)}));
      }
      listening.Listen(absl::Now() + absl::Milliseconds(100), [] { return false; });
    }
    listening.Listen(absl::Now() + kGrace, [] { return false; });
    facts_.probes = listening.tally().Compare(std::move(sent));
  }

  // The stream's own frames (a heartbeat a second at least) tell how long they come; a probe, whether they were sent.
  void Soak(doctor::Listening& listening, absl::Time begun) {
    if (listening.heard() == 0) {
      facts_.not_looked_at.push_back(
          "the soak: nothing came from the beginning; end replicast-replica for once, so that the group is joined "
          "anew");
      return;
    }
    std::fprintf(stderr, "soaking for %s…\n", HumanSeconds(absl::ToDoubleSeconds(soak_)).c_str());
    listening.Listen(begun + soak_, [] { return false; });
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

  const Context& context_;
  const Arguments& arguments_;
  const absl::Duration listen_for_, soak_;
  const SendingSettingsReader& reader_;
  SystemRandom random_;
  Facts facts_;
  StreamName stream_;
  std::string configured_interface_;
  bool daemon_listens_ = false;
  std::optional<Connection> connection_;
  absl::Status server_problem_;
};

absl::Status Usage(const std::string& message) { return Error(absl::StatusCode::kInvalidArgument, "USAGE", message); }

absl::Status Doctor(const Context& context, const Arguments& arguments, const SendingSettingsReader& reader,
                    int* exit_code) {
  ASSIGN_OR_RETURN(const absl::Duration listen_for, ParseDuration(arguments.listen_for, "--for"));
  if (listen_for < absl::Seconds(1) || listen_for > kLongestFor)
    return Usage("--for takes 1s to 30s; --soak listens for longer");
  absl::Duration soak;
  if (!arguments.soak.empty()) {
    ASSIGN_OR_RETURN(soak, ParseDuration(arguments.soak, "--soak"));
    if (soak <= listen_for || soak > kLongestSoak) return Usage("--soak takes longer than --for, and at most 1h");
  }
  if (!arguments.database.empty() && !arguments.directory.empty())
    return Usage("--database is for a replica, --directory for a server: name one of them");
  if (!arguments.group.empty() && !arguments.database.empty())
    return Usage("a replica's group is known from its server: leave out --group");
  Examination examination(context, arguments, listen_for, soak, reader);
  RETURN_IF_ERROR(examination.Run());
  const std::vector<doctor::Finding> findings = doctor::Diagnose(examination.facts());
  if (context.json)
    PrintJson(DoctorJson(examination.facts(), findings));
  else
    std::printf("%s", DoctorText(examination.facts(), findings).c_str());
  *exit_code = static_cast<int>(!findings.empty() ? ExitCode::kNo : ExitCodeFor(examination.server_problem()));
  return absl::OkStatus();
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Context& context, SendingSettingsReader reader) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("doctor", "Tell why multicast does not arrive, and what to do");
  command->add_option("--database", arguments->database,
                      "On a replica: its database; its server is asked to send probes");
  command->add_option("--directory", arguments->directory, "On a server: its directory; also when it does not run");
  command->add_option("--interface", arguments->interface, "Look at this interface instead of the one in use");
  command->add_option("--group", arguments->group, "Where nothing is configured: send to, and listen to, this group");
  command->add_option("--port", arguments->port, "…and this UDP port (7422)");
  command->add_option("--for", arguments->listen_for, "Listen so long, 1s to 30s")->capture_default_str();
  command->add_option(
      "--soak", arguments->soak,
      "Then go on listening until so long after joining: a switch without a querier forgets a group after "
      "some 260 s");
  command->footer(
      "Examples:\n"
      "  replicast doctor --database replica.db              on a replica\n"
      "  replicast doctor --database replica.db --soak 300s  …and whether multicast still comes after five minutes\n"
      "  replicast doctor --directory server                 on the server\n"
      "  replicast doctor --group 239.192.0.1 --port 7422    on two machines at once, before anything is installed\n\n"
      "Each finding has a stable id, what was seen, and what to do. Run it as root, or firewall rules and queries stay "
      "unseen.\nExit code 0: nothing is wrong; 1: there are findings; 3: the server could not be asked, and nothing is "
      "wrong "
      "on this machine.");
  command->callback([&context, arguments, reader = std::move(reader)] {
    context.command = [&context, arguments, reader](int* exit_code) {
      return Doctor(context, *arguments, reader, exit_code);
    };
  });
}

}  // namespace replicast::cli
