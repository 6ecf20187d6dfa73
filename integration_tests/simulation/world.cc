#include "integration_tests/simulation/world.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/errors.h"
#include "common/crypto/certificates.h"

namespace replicast::simulation {
namespace {

// Keys are expensive; members of different worlds may have the same.
struct MemberKeys {
  crypto::KeyPair x25519;
  std::string request;
};
const MemberKeys& KeysOf(uint64_t number) {
  static std::vector<std::unique_ptr<MemberKeys>> made;
  while (made.size() <= number) {
    const std::string request = crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "member");
    made.push_back(std::make_unique<MemberKeys>(MemberKeys{crypto::GenerateX25519(), request}));
  }
  return *made[number];
}

v1::EnrollRequest EnrolWith(const TokenStore::Fresh& token, const MemberKeys& keys) {
  v1::EnrollRequest request;
  request.set_token_id(token.id);
  request.set_token_secret(token.secret);
  request.set_certificate_request(keys.request);
  request.set_x25519_public_key(keys.x25519.public_key);
  return request;
}

MasterWriter::Options WriterOptions(const Configuration& configuration) {
  return {.keys = static_cast<int>(configuration.keys),
          .largest_transaction = static_cast<int>(configuration.largest_transaction),
          .largest_blob = static_cast<uint64_t>(configuration.largest_blob)};
}

void Must(const absl::Status& status, const std::string& what) {
  if (!status.ok()) throw Violation(absl::StrCat(what, ": ", std::string(status.message())));
}

}  // namespace

World::World(const Configuration& chosen, const std::vector<std::string>& shows)
    : configuration(chosen),
      trace(time, shows),
      random(configuration.seed * 77 + 1),
      disk(configuration.seed * 77 + 2),
      network(time, random, trace),
      security(time),
      history(static_cast<size_t>(configuration.datasets)),
      shown(history, trace),
      writer(disk, "writer", time.clock, trace, configuration.seed * 77 + 3, WriterOptions(configuration)),
      holder(disk, "holder", time.clock, trace, configuration.seed * 77 + 4, WriterOptions(configuration)),
      scratch(absl::StrCat(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp", "/replicast-simulation-",
                           getpid(), "-", configuration.seed)) {
  std::filesystem::create_directories(scratch);
}

World::~World() {
  replicas.clear();
  relays.clear();
  copied_server.reset();
  server.reset();
  std::filesystem::remove_all(scratch);
}

void World::SetUp() {
  Must(writer.CreateTables(), "tables");
  const SimulatedServer::Identity identity{random.Identifier<ServerId>()};
  server = std::make_unique<SimulatedServer>(Around(), disk, random.Next(), "server", identity, configuration.server);
  insider = std::make_unique<Insider>(random, trace, network, security);
  Must(server->Init(false), "init");
  for (int i = 0; i < 20; ++i) writer.Write();
  server->Start();
  CreateDatasets();
  RunFor(absl::Seconds(1));
  master_changes = server->process().changes("/master/");
  for (int i = 0; i < static_cast<int>(configuration.relays); ++i) AddRelay();
  for (int i = 0; i < static_cast<int>(configuration.replicas); ++i) AddReplica();
}

ServingProcess::Surroundings World::Around() {
  return {time,      network, trace,
          stopwatch, scratch, [this](const std::string& datagram, const ServingProcess& by) { OnSent(datagram, by); }};
}

int World::DepthOf(const ServingProcess& of) const {
  if (of.decides()) return 0;
  int above = 0;
  for (const ServingProcess* each : static_cast<const SimulatedRelay&>(of).upstreams())
    above = std::max(above, DepthOf(*each));
  return above + 1;
}

// The newest relay mostly, the more so the wider a tree may be, unless there is no room. The first relays hang one
// below the other: a tree is as deep as it may be.
ServingProcess& World::Above(bool relay) {
  std::vector<ServingProcess*> open;
  const auto consider = [&](ServingProcess& at) {
    const auto below =
        std::count_if(relays.begin(), relays.end(), [&](const auto& each) { return each->upstreams()[0] == &at; }) +
        std::count_if(replicas.begin(), replicas.end(), [&](const auto& each) { return each->servers()[0] == &at; });
    if (relay && DepthOf(at) >= static_cast<int>(configuration.depth)) return;
    if (below < static_cast<int>(configuration.fan_out)) open.push_back(&at);
  };
  consider(*server);
  for (const auto& each : relays) {
    if (!each->left()) consider(*each);
  }
  if (open.empty()) return *server;
  const bool newest = relay ? static_cast<double>(relays.size()) < configuration.depth
                            : random.Below(std::max<uint64_t>(2, static_cast<uint64_t>(configuration.fan_out))) > 0;
  return newest ? *open.back() : *open[random.Below(open.size())];
}

// One above it, and sometimes others that are no deeper, for when that is away.
std::vector<ServingProcess*> World::UpstreamsOfNext() {
  std::vector<ServingProcess*> upstreams = {&Above(true)};
  for (uint64_t others = random.Below(3); others > 0; --others) {
    ServingProcess& other = AnyServer(random);
    const bool known = std::find(upstreams.begin(), upstreams.end(), &other) != upstreams.end();
    const auto* relay = dynamic_cast<const SimulatedRelay*>(&other);
    if (!known && (relay == nullptr || !relay->left()) && DepthOf(other) < static_cast<int>(configuration.depth))
      upstreams.push_back(&other);
  }
  if (upstreams.size() > 1) trace.Count("relay: relay with several servers above it");
  return upstreams;
}

void World::AddRelay() {
  if (!server->awake()) return;
  std::vector<std::string> datasets;
  for (int i = 0; i < static_cast<int>(configuration.datasets); ++i)
    datasets.push_back(DatasetChoices()[static_cast<size_t>(i)].name);
  const MemberKeys& keys = KeysOf(enrolled_++);
  const auto token = server->membership().CreateToken("init", datasets, 1, absl::Hours(100), kRelayRole);
  if (!token.ok()) return;
  const auto enrolled = server->membership().Enroll("10.0.0.2", EnrolWith(*token, keys));
  if (!enrolled.ok()) return;
  const SimulatedRelay::Credential credential{*MemberId::FromBytes(enrolled->member_id()), keys.x25519};
  // The second one, so that there may be an honest one above it, and others below.
  const bool evil = configuration.evil_relays > 0 &&
                    relays.size() == std::min<size_t>(1, static_cast<size_t>(configuration.relays) - 1);
  SimulatedRelay& relay = Add(credential, UpstreamsOfNext(), evil);
  trace.Count(absl::StrCat("relay: at depth ", DepthOf(relay)));
  if (evil) trace.Count("relay: evil");
  relay.Start();
}

SimulatedRelay& World::Add(const SimulatedRelay::Credential& credential, const std::vector<ServingProcess*>& upstreams,
                           bool evil) {
  const std::string name = absl::StrCat("relay", relays.size()), address = absl::StrCat("10.0.1.", relays.size());
  if (evil) {
    relays.push_back(std::make_unique<EvilRelay>(Around(), random.Next(), name, address, credential,
                                                 configuration.server, upstreams, security, configuration.evil_share));
  } else {
    relays.push_back(std::make_unique<SimulatedRelay>(Around(), random.Next(), name, address, credential,
                                                      configuration.server, upstreams, security));
  }
  relays.back()->path() = configuration.path;
  relays.back()->SetCallFaults(configuration.calls);
  return *relays.back();
}

SimulatedRelay& World::CloneRelay(SimulatedRelay& original) {
  REPLICAST_CHECK(!original.up() && !original.evil());
  SimulatedRelay& copy = Add(original.credential(), original.upstreams(), false);
  copy.disk().Restore("/", original.disk().Copy("/"));
  copy.Start();
  return copy;
}

void World::CreateDatasets() {
  for (int i = 0; i < static_cast<int>(configuration.datasets); ++i) {
    const DatasetChoice& choice = DatasetChoices()[static_cast<size_t>(i)];
    Must(server->publisher().CreateDataset(choice.name, choice.definitions[0]), "dataset");
  }
  server->engine().OnDatasetsChanged();
  AfterCommit();
}

void World::OnSent(const std::string& datagram, const ServingProcess& by) {
  ++frames_;
  const Stopwatch::Turn turn(stopwatch, Part::kChecks);
  security.OnDatagram(datagram, by);
  if (datagram.find(MasterWriter::kMarker) != std::string::npos) throw Violation("a row was sent in the clear");
}

SimulatedReplica* World::AddReplica() {
  if (!server->awake()) return nullptr;
  const std::string dataset = DatasetChoices()[random.Below(static_cast<uint64_t>(configuration.datasets))].name;
  const MemberKeys& keys = KeysOf(enrolled_++);
  const auto token = server->membership().CreateToken("init", {dataset}, 1, absl::Hours(100));
  if (!token.ok()) return nullptr;  // its disk is full, or it just died
  const v1::EnrollRequest request = EnrolWith(*token, keys);
  const auto enrolled = server->membership().Enroll("10.0.0.2", request);
  if (!enrolled.ok()) return nullptr;
  const MemberId member = *MemberId::FromBytes(enrolled->member_id());
  if (random.Below(3) == 0) {
    trace.Count("fault: token used twice");
    if (server->membership().Enroll("10.0.0.3", EnrolWith(*token, KeysOf(enrolled_++))).ok()) {
      throw Violation("a token of one use let two members in");
    }
    const auto again = server->membership().Enroll("10.0.0.2", request);
    if (again.ok() && again->member_id() != member.ToBytes()) throw Violation("an enrolment repeated made two members");
  }
  return Add({dataset, member, keys.x25519}, relays.empty() ? *server : Above(false));
}

SimulatedReplica* World::CloneReplica(SimulatedReplica& original) {
  if (original.up()) return nullptr;
  SimulatedReplica* copy = Add(original.identity(), original.link().server());
  copy->Kill();
  copy->disk().Restore("/", original.disk().Copy("/"));
  copy->SetTampered(original.tampered());
  return copy;
}

SimulatedReplica* World::Add(const SimulatedReplica::Identity& identity, ServingProcess& at) {
  const size_t index = replicas.size();
  const auto on_shown = [this, index] {
    const Stopwatch::Turn turn(stopwatch, Part::kChecks);
    shown.OnShown(*replicas[index]);
  };
  ReplicaSession::Buffers buffers;
  if (configuration.buffer_bytes > 0) {
    buffers.reorder_bytes = buffers.held_unit_bytes = static_cast<size_t>(configuration.buffer_bytes);
  }
  replicas.push_back(std::make_unique<SimulatedReplica>(time, network, trace, stopwatch, at, security, random.Next(),
                                                        absl::StrCat("replica", index), identity, buffers, on_shown));
  SimulatedReplica* replica = replicas.back().get();
  replica->path() = configuration.path;
  replica->link().faults = configuration.calls;
  if (!relays.empty()) {
    trace.Count(absl::StrCat("relay: replica at depth ", DepthOf(at)));
    // Mostly with one or two others to change over to.
    for (uint64_t others = random.Below(4) == 0 ? 0 : 1 + random.Below(2); others > 0; --others) {
      ServingProcess& other = AnyServer(random);
      const std::vector<ServingProcess*>& known = replica->servers();
      if (std::find(known.begin(), known.end(), &other) == known.end()) replica->AddServer(other);
    }
    if (replica->servers().size() > 1) trace.Count("relay: replica with several servers");
  }
  replica->Start();
  return replica;
}

void World::AfterCommit() {
  const Stopwatch::Turn turn(stopwatch, Part::kChecks);
  if (writer.database() != nullptr) history.Record(*writer.database()).IgnoreError();
  // Sometimes nobody is told, and the slow poll finds it.
  if (random.Below(10) > 0) server->OnMasterWritten();
  const auto epoch_frames = static_cast<uint64_t>(configuration.server.epoch_frames);
  if (epoch_frames == 0 || frames_ < epoch_frames || !server->awake()) return;
  frames_ = 0;
  trace.Count("epochs begun for the number of frames");
  for (const StreamInfo& stream : server->publisher().Streams()) {
    server->multicaster().Rekey(stream.definition_hash).IgnoreError();
  }
}

void World::ScrubUntilAllIsNoted() {
  if (!history.unnoted()) return;
  if (server->awake()) server->publisher().ScrubNow();
  time.After(absl::Seconds(20), [this] { ScrubUntilAllIsNoted(); });
}

void World::StartWriting() {
  writing_ = true;
  WriteLoop();
}

void World::WriteLoop() {
  if (!writing_) return;
  bool committed = false;
  {
    const Stopwatch::Turn turn(stopwatch, Part::kWriters);
    committed = writer.Write();
  }
  if (committed) AfterCommit();
  time.After(absl::Seconds(2 * random.Unit() / configuration.transactions), [this] { WriteLoop(); });
}

void World::Revoke(const MemberId& member) {
  if (!server->awake()) return;
  const std::string notice = relays.empty() ? "" : server->authority().RevocationNotice(member);
  const auto revoked = server->plane().Revoke("init", member, notice);
  if (revoked.ok() || ReasonOf(revoked.status()) == "MEMBER_REVOKED") security.OnRevoked(member);
  server->Step();
}

SimulatedReplica* World::AnyReplica(Random& by) {
  return replicas.empty() ? nullptr : replicas[by.Below(replicas.size())].get();
}

SimulatedRelay* World::AnyRelay(Random& by) { return relays.empty() ? nullptr : relays[by.Below(relays.size())].get(); }

ServingProcess& World::AnyServer(Random& by) {
  const size_t chosen = relays.empty() ? 0 : by.Below(relays.size() + 1);
  return chosen == 0 ? static_cast<ServingProcess&>(*server) : *relays[chosen - 1];
}

std::vector<SimulatedReplica*> World::Followers() const {
  std::vector<SimulatedReplica*> followers;
  for (const auto& replica : replicas) {
    if (replica->ended() || replica->left()) continue;
    // A relay may not know yet.
    const bool refused = !replica->link().server().decides() && security.revoked().contains(replica->member());
    if (!refused) followers.push_back(replica.get());
  }
  return followers;
}

void World::RunFor(absl::Duration how_long) {
  const absl::Time end = time.clock.Now() + how_long;
  while (time.next() <= end) {
    time.RunNext();
    if (!server->up() && !server->restarting()) server->RestartAfter(absl::Seconds(1 + random.Unit()));
    for (const auto& relay : relays) {
      if (!relay->up() && !relay->left() && !relay->restarting()) relay->RestartAfter(absl::Seconds(1 + random.Unit()));
    }
    for (const auto& replica : replicas) {
      if (replica->up() || replica->ended() || replica->left() || replica->restarting()) continue;
      replica->RestartAfter(absl::Seconds(1 + random.Unit()));
    }
  }
  time.clock.Advance(std::max(end - time.clock.Now(), absl::ZeroDuration()));
}

}  // namespace replicast::simulation
