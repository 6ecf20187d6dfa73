#include "integration_tests/simulation/world.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/crypto/certificates.h"

namespace replicast::simulation {
namespace {

constexpr absl::Duration kCalm = absl::Minutes(5);      // within it all are equal
constexpr absl::Duration kSettling = absl::Minutes(3);  // longer than every back-off
constexpr absl::Duration kQuiet = absl::Minutes(5);
constexpr uint64_t kQuietCalls = 5;  // of one member within that

// Keys are expensive; members of different worlds may have the same.
struct MemberKeys {
  crypto::KeyPair x25519;
  std::string request;
};
const MemberKeys& KeysOf(uint64_t number) {
  static std::vector<MemberKeys> made;
  while (made.size() <= number) {
    made.push_back({crypto::GenerateX25519(), crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "member")});
  }
  return made[number];
}

void Must(const absl::Status& status, const std::string& what) {
  if (!status.ok()) throw Violation(absl::StrCat(what, ": ", std::string(status.message())));
}

}  // namespace

World::World(const Configuration& configuration, bool prints)
    : configuration_(configuration),
      trace_(time_, prints),
      random_(configuration.seed * 77 + 1),
      scratch_(absl::StrCat(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp", "/replicast-simulation-",
                            getpid(), "-", configuration.seed)),
      disk_(configuration.seed * 77 + 2),
      network_(time_, random_, trace_),
      security_(trace_),
      auditor_(disk_, "auditor", time_.clock, configuration.seed * 77 + 3) {
  std::filesystem::create_directories(scratch_);
}

World::~World() {
  replicas_.clear();
  server_.reset();
  std::filesystem::remove_all(scratch_);
}

// --- set-up

void World::MakeServer() {
  writer_ = std::make_unique<MasterWriter>(disk_, "writer", time_.clock, trace_, random_.Next(), configuration_.keys,
                                           configuration_.largest_transaction);
  holder_ = std::make_unique<MasterWriter>(disk_, "holder", time_.clock, trace_, random_.Next(), configuration_.keys,
                                           configuration_.largest_transaction);
  Must(writer_->CreateTables(), "tables");
  server_ = std::make_unique<SimulatedServer>(time_, network_, disk_, trace_, random_.Next(), scratch_,
                                              configuration_.server);
  insider_ = std::make_unique<Insider>(random_, trace_, network_, *server_);
  network_.SetObserver([this](const std::string& datagram) {
    if (server_->up()) security_.OnDatagram(datagram, server_->multicaster());
  });
  Must(server_->Init(false), "init");
  for (int i = 0; i < 20; ++i) writer_->Write();
  server_->Start();
  CreateDatasets();
}

void World::CreateDatasets() {
  for (int i = 0; i < configuration_.datasets; ++i) {
    const DatasetChoice& choice = DatasetChoices()[static_cast<size_t>(i)];
    Must(server_->publisher().CreateDataset(choice.name, choice.definition), "dataset");
  }
  server_->engine().OnDatasetsChanged();
  AfterCommit();
}

SimulatedReplica* World::AddReplica() {
  if (!server_->up()) return nullptr;
  const std::string dataset = DatasetChoices()[random_.Below(static_cast<uint64_t>(configuration_.datasets))].name;
  const MemberKeys& keys = KeysOf(enrolled_++);
  const auto token = server_->membership().CreateToken("init", {dataset}, 1, absl::Hours(1));
  if (!token.ok()) return nullptr;  // its disk is full, or it just died
  v1::EnrollRequest request;
  request.set_token_id(token->id);
  request.set_token_secret(token->secret);
  request.set_certificate_request(keys.request);
  request.set_x25519_public_key(keys.x25519.public_key);
  const auto enrolled = server_->membership().Enroll("10.0.0.2", request);
  if (!enrolled.ok()) return nullptr;
  const size_t index = replicas_.size();
  replicas_.push_back(std::make_unique<SimulatedReplica>(
      time_, network_, trace_, *server_, security_, random_.Next(), absl::StrCat("replica", index), dataset,
      *MemberId::FromBytes(enrolled->member_id()), keys.x25519, [this, index] { CheckShown(*replicas_[index]); }));
  SimulatedReplica* replica = replicas_.back().get();
  replica->path() = configuration_.path;
  replica->link().faults = configuration_.calls;
  replica->Start();
  return replica;
}

// --- life

void World::Every(double times_a_minute, const std::string& what, std::function<void()> happens) {
  if (times_a_minute <= 0) return;
  const absl::Duration wait = absl::Minutes(1) / times_a_minute * (0.2 + 1.6 * random_.Unit());
  time_.After(wait, [this, times_a_minute, what, happens] {
    if (!storm_) return;
    trace_.Note("%s", what);
    trace_.Count("fault: " + what);
    happens();
    Every(times_a_minute, what, happens);
  });
}

void World::AfterCommit() {
  if (writer_->database() != nullptr) history_.Record(*writer_->database()).IgnoreError();
  // Sometimes nobody is told, and the slow poll finds it.
  if (random_.Below(10) > 0) server_->OnMasterWritten();
}

void World::WriteLoop() {
  if (!writing_) return;
  if (writer_->Write()) AfterCommit();
  time_.After(absl::Seconds(2 * random_.Unit() / configuration_.transactions), [this] { WriteLoop(); });
}

SimulatedReplica* World::AnyReplica() {
  return replicas_.empty() ? nullptr : replicas_[random_.Below(replicas_.size())].get();
}

void World::RunUntil(absl::Time end) {
  while (time_.next() <= end) {
    time_.RunNext();
    // Whoever died is started again by its supervisor.
    if (!server_->up() && !server_->restarting()) server_->RestartAfter(absl::Seconds(1 + random_.Unit()));
    for (const auto& replica : replicas_) {
      if (replica->up() || replica->ended() || replica->restarting()) continue;
      replica->RestartAfter(absl::Seconds(1 + random_.Unit()));
    }
  }
  time_.clock.Advance(std::max(end - time_.clock.Now(), absl::ZeroDuration()));
}

// --- faults

void World::ScheduleFaults() {
  const FaultRates& f = configuration_.faults;
  Every(f.server_killed, "server killed", [this] { server_->Kill(); });
  Every(f.server_killed_at_write, "server will be killed at a write",
        [this] { server_->process().KillAt(1 + random_.Below(60)); });
  Every(f.power_lost, "power lost at the server", [this] { LosePower(); });
  Every(f.state_restored, "server's state restored", [this] { RestoreState(); });
  Every(f.master_restored, "master restored", [this] { RestoreMaster(); });
  const auto replica_fault = [this](double rate, const std::string& what,
                                    std::function<void(SimulatedReplica&)> happens) {
    Every(rate, what, [this, happens] {
      if (SimulatedReplica* replica = AnyReplica()) happens(*replica);
    });
  };
  replica_fault(f.replica_killed, "replica killed", [](SimulatedReplica& replica) { replica.Kill(); });
  replica_fault(f.replica_killed_at_write, "replica will be killed at a write",
                [this](SimulatedReplica& replica) { replica.process().KillAt(1 + random_.Below(60)); });
  replica_fault(f.replica_power_lost, "power lost at a replica",
                [](SimulatedReplica& replica) { replica.LosePower(); });
  replica_fault(f.replica_asleep, "replica asleep", [this](SimulatedReplica& replica) {
    replica.Kill();
    replica.RestartAfter(absl::Seconds(1 + 120 * random_.Unit()));
  });
  replica_fault(f.tampered, "replica's rows changed behind its back",
                [](SimulatedReplica& replica) { replica.Tamper(); });
  replica_fault(f.burst, "burst of losses",
                [this](SimulatedReplica& replica) { replica.path().burst = 1 + static_cast<int>(random_.Below(500)); });
  Every(f.partitioned, "partition", [this] { Partition(); });
  replica_fault(f.mtu_shrunk, "path takes only short datagrams", [this](SimulatedReplica& replica) {
    replica.path().mtu = 200 + random_.Below(1000);
    time_.After(absl::Seconds(20 * random_.Unit()), [&replica] { replica.path().mtu = PathFaults().mtu; });
  });
  Every(f.all_restarted, "every replica restarted at once", [this] {
    for (const auto& replica : replicas_) replica->Kill();
  });
  replica_fault(f.replica_disk_full, "a replica's disk full", [this](SimulatedReplica& replica) {
    replica.disk().SetCapacity(replica.disk().used() + random_.Below(20'000));
    time_.After(absl::Seconds(10 * random_.Unit()), [&replica] { replica.disk().SetCapacity(UINT64_MAX); });
  });
  Every(f.disk_full, "the server's disk full", [this] {
    disk_.SetCapacity(disk_.used() + random_.Below(50'000));
    time_.After(absl::Seconds(10 * random_.Unit()), [this] { disk_.SetCapacity(UINT64_MAX); });
  });
  Every(f.master_locked, "master locked by a long transaction", [this] {
    if (!holder_->Hold()) return;
    time_.After(absl::Seconds(8 * random_.Unit()), [this] {
      if (holder_->Finish()) AfterCommit();
    });
  });
  Every(f.writer_killed, "writer killed in a transaction", [this] {
    if (holder_->Hold()) holder_->Kill();
  });
  Every(f.checkpointed, "checkpoint by somebody else", [this] {
    writer_->Run(random_.Below(2) == 0 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(PASSIVE)")
        .IgnoreError();
  });
  Every(f.vacuumed, "vacuum by somebody else", [this] {
    if (writer_->Run("VACUUM").ok()) AfterCommit();
  });
  Every(f.rekeyed, "rekey", [this] {
    if (!server_->up()) return;
    for (const StreamInfo& stream : server_->publisher().Streams()) {
      server_->multicaster().Rekey(stream.definition_hash).IgnoreError();
    }
    server_->Step();
  });
  Every(f.revoked, "member revoked", [this] { RevokeOne(); });
  Every(f.joined, "replica joined", [this] {
    if (replicas_.size() < 12) AddReplica();
  });
  Every(f.forged_outside, "datagram forged by an outsider", [this] { ForgeOutside(); });
  Every(f.forged_inside, "forgery of a member", [this] { insider_->Forge(); });
  Every(f.forged_inside / 10, "lies of a member", [this] {
    if (SimulatedReplica* replica = AnyReplica()) insider_->Lie(replica->member());
  });
  Every(f.wall_jumped, "wall clock jumped",
        [this] { time_.clock.SetWallOffset(absl::Minutes(static_cast<int64_t>(random_.Below(120)) - 60)); });
  time_.After(configuration_.storm * (0.1 + 0.5 * random_.Unit()), [this] {
    old_state_ = disk_.Copy(SimulatedServer::kFolder);
    old_revoked_ = security_.revoked();
    old_master_ = disk_.Copy("/master/");
  });
}

void World::LosePower() {
  server_->Kill();
  writer_->Kill();
  holder_->Kill();
  disk_.LosePower();
  if (writer_->database() == nullptr) throw Violation("the master can't be opened after a power loss");
  Must(history_.Record(*writer_->database()), "reading the master after a power loss");
  history_.ForgetAfter(history_.newest());
}

void World::RestoreState() {
  if (old_state_.empty()) return;
  server_->Kill();
  disk_.Restore(SimulatedServer::kFolder, old_state_);
  security_.SetRevoked(old_revoked_);  // whoever restores the state takes later revocations back
}

void World::RestoreMaster() {
  if (old_master_.empty()) return;
  server_->Kill();
  writer_->Kill();
  holder_->Kill();
  disk_.Restore("/master/", old_master_);
  history_.BeginLineage();
  Must(history_.Record(*writer_->database()), "reading a restored master");
}

void World::RevokeOne() {
  SimulatedReplica* replica = AnyReplica();
  if (replica == nullptr || !server_->up() || replicas_.size() < 2) return;
  const auto revoked = server_->plane().Revoke("init", replica->member());
  if (revoked.ok() || ReasonOf(revoked.status()) == "MEMBER_REVOKED") security_.OnRevoked(replica->member());
  server_->Step();
}

void World::ForgeOutside() {
  if (network_.recorded().empty()) return;
  const auto& [group, datagram] = network_.recorded()[random_.Below(network_.recorded().size())];
  std::string forged = datagram;
  if (random_.Below(2) == 0) {
    for (int i = 0; i < 4; ++i)
      forged[random_.Below(std::min<size_t>(forged.size(), 24))] = static_cast<char>(random_.Next());
  } else {
    forged = random_.Bytes(random_.Below(1500));
  }
  network_.Inject(group, forged);
}

void World::Partition() {
  SimulatedReplica* replica = AnyReplica();
  if (replica == nullptr) return;
  const uint64_t kind = random_.Below(3);
  if (kind != 0) replica->path().cut = true;
  if (kind != 1) replica->link().faults.cut = true;
  time_.After(absl::Seconds(20 * random_.Unit()),
              [replica] { replica->path().cut = replica->link().faults.cut = false; });
}

void World::EndAllFaults() {
  storm_ = writing_ = false;
  disk_.SetCapacity(UINT64_MAX);
  if (holder_->holds() && holder_->Finish()) AfterCommit();
  time_.clock.SetWallOffset(absl::ZeroDuration());
  server_->process().KillAt(UINT64_MAX);
  for (const auto& replica : replicas_) {
    replica->process().KillAt(UINT64_MAX);
    replica->disk().SetCapacity(UINT64_MAX);
    replica->path() = PathFaults();
    replica->link().faults = CallFaults();
  }
  trace_.Note("calm");
}

// --- checks

void World::CheckShown(SimulatedReplica& replica) {
  const std::optional<Position> position = replica.position();
  if (!position) return;
  const auto reader = sqlite::Database::Open(SimulatedReplica::kDatabase, {.vfs = replica.reader().vfs()});
  if (!reader.ok()) return;
  const auto choice = std::find_if(DatasetChoices().begin(), DatasetChoices().end(),
                                   [&](const DatasetChoice& each) { return each.name == replica.dataset(); });
  const absl::StatusOr<Digest> content = ContentOf(**reader, choice->definition, false);
  if (!content.ok()) return;
  trace_.Count("states checked");
  if (history_.Had(replica.dataset(), position->lsn.number(), *content)) {
    replica.SetTampered(false);
  } else if (!replica.tampered()) {
    throw Violation(absl::StrCat(replica.name(), " shows at ", position->lsn.ToText(), " what the master never was"));
  }
}

bool World::AllEqual(std::string* why) {
  if (!server_->up()) {
    *why = absl::StrCat("the server is down: ", server_->problem());
    return false;
  }
  for (const auto& replica : replicas_) {
    if (replica->ended()) continue;
    *why = absl::StrCat(replica->name(), " of ", replica->dataset(), " does not follow: ", replica->problem());
    const std::optional<Position> position = replica->position();
    if (!position) return false;
    if (position->lsn.number() != history_.newest()) {
      *why = absl::StrCat(replica->name(), " of ", replica->dataset(), " stands at ", position->lsn.ToText(),
                          ", the master at ", history_.newest(), "; phase ",
                          std::string(PhaseName(replica->session()->phase())));
      return false;
    }
    const auto reader = sqlite::Database::Open(SimulatedReplica::kDatabase, {.vfs = replica->reader().vfs()});
    if (!reader.ok()) return false;
    for (const DatasetChoice& choice : DatasetChoices()) {
      if (choice.name != replica->dataset()) continue;
      const absl::StatusOr<Digest> content = ContentOf(**reader, choice.definition, false);
      if (!content.ok() || *content != history_.Newest(choice.name)) {
        *why = absl::StrCat(replica->name(), " of ", replica->dataset(), " is not what the master is");
        return false;
      }
    }
  }
  return true;
}

void World::CheckCalm() {
  // One more change of every table, so that a digest tells who was tampered with.
  for (int i = 0; i < 100 && !server_->up(); ++i) RunUntil(time_.clock.Now() + absl::Seconds(1));
  Must(writer_->Run("REPLACE INTO t VALUES(1000001, 1000001, 'calm', 'a'); REPLACE INTO pairs VALUES(2, 'calm', 1)"),
       "a writer in calm");
  AfterCommit();
  const absl::Time begun = time_.clock.Now();
  std::string why;
  while (!AllEqual(&why)) {
    if (time_.clock.Now() - begun > kCalm) throw Violation("not equal within five minutes of calm: " + why);
    RunUntil(time_.clock.Now() + absl::Milliseconds(200));
  }
  trace_.Note("all equal after %s", absl::FormatDuration(time_.clock.Now() - begun));
}

void World::CheckQuiet() {
  RunUntil(time_.clock.Now() + kSettling);
  std::vector<uint64_t> calls;
  std::vector<bool> by_multicast;
  for (const auto& replica : replicas_) {
    calls.push_back(replica->link().calls);
    by_multicast.push_back(replica->up() && replica->session()->phase() == FollowPhase::kLive);
  }
  RunUntil(time_.clock.Now() + kQuiet);
  std::string why;
  if (!AllEqual(&why)) throw Violation("equal, and then no more: " + why);
  for (size_t i = 0; i < replicas_.size(); ++i) {
    // A member that forged far sequences keeps others on unicast until they are reached, or the next epoch comes.
    if (replicas_[i]->ended() || !by_multicast[i]) continue;
    const uint64_t made = replicas_[i]->link().calls - calls[i];
    if (made > kQuietCalls) {
      throw Violation(absl::StrCat(replicas_[i]->name(), " made ", made, " calls in five quiet minutes"));
    }
  }
}

void World::Run() {
  MakeServer();
  RunUntil(time_.clock.Now() + absl::Seconds(1));
  for (int i = 0; i < configuration_.replicas; ++i) AddReplica();
  WriteLoop();
  ScheduleFaults();
  RunUntil(time_.clock.Now() + configuration_.storm);
  EndAllFaults();
  CheckCalm();
  CheckQuiet();
  trace_.Count("frames checked", security_.frames());
  const DiskCounters& disk = disk_.counters();
  trace_.Count("fault: writes refused on a full disk", disk.full);
  trace_.Count("fault: writes lost with power", disk.lost_writes);
  trace_.Count("fault: writes torn", disk.torn_writes);
}

}  // namespace replicast::simulation
