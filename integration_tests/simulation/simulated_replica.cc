#include "integration_tests/simulation/simulated_replica.h"

#include <initializer_list>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/frame_codec.h"

namespace replicast::simulation {
namespace {

constexpr size_t kSocketBuffer = 500;  // datagrams
constexpr absl::Duration kTryToOpenAgain = absl::Seconds(1);

}  // namespace

SimulatedReplica::SimulatedReplica(VirtualTime& time, SimulatedNetwork& network, Trace& trace, Stopwatch& stopwatch,
                                   ServingProcess& server, CallObserver& observer, uint64_t seed,
                                   const std::string& name, const Identity& identity,
                                   const ReplicaSession::Buffers& buffers, std::function<void()> on_shown)
    : time_(time),
      network_(network),
      trace_(trace),
      stopwatch_(stopwatch),
      observer_(observer),
      random_(seed),
      memory_(seed % 2 == 0 ? v1::MEMORY_CLIENT : v1::MEMORY_SERVER),
      name_(name),
      identity_(identity),
      buffers_(buffers),
      on_shown_(std::move(on_shown)),
      disk_(seed + 1),
      process_(disk_, name, clock_, seed + 2),
      reader_(disk_, name + "-reader", clock_, seed + 3),
      servers_({&server}),
      link_(time, random_, trace, stopwatch, server, observer, {identity.member, rpc::kMemberRole}),
      receiver_(network.AddReceiver([this](const std::string& datagram) { OnDatagram(datagram); })) {
  link_.SetWake([this] { alarm_.Now(); });
  process_.SetOnCommit([this] { OnCommit(); });
}

SimulatedReplica::~SimulatedReplica() { Kill(); }

void SimulatedReplica::Start() {
  REPLICAST_CHECK(!up());
  if (ended_ || left_) return;
  absl::StatusOr<std::unique_ptr<ReplicaDatabase>> opened =
      ReplicaDatabase::Open({.path = kDatabase, .vfs = process_.vfs(), .create = true}, clock_);
  if (!opened.ok()) {
    problem_ = std::string(opened.status().message());
    trace_.Note("%s can't open its database", name_);
    const bool died = process_.dead();
    process_.Revive();
    if (died) trace_.Count("fault: replica killed at a write");
    return RestartAfter(kTryToOpenAgain);
  }
  problem_.clear();
  link_.SetServer(*servers_[0]);
  database_ = *std::move(opened);
  if (memory_ == v1::MEMORY_SERVER) CheckAcknowledged();
  ReplicaSession::Options options{.dataset = identity_.dataset,
                                  .servers = Addresses(),
                                  .member = identity_.member,
                                  .x25519 = identity_.x25519,
                                  .ca_pem = ServingProcess::CaPem(),
                                  .max_rate_bytes_per_second = 0,
                                  .memory = memory_,
                                  .renew_at = absl::InfiniteFuture()};
  session_ = std::make_unique<ReplicaSession>(options, *database_, link_, *this, random_, buffers_);
  trace_.Note("%s started", name_);
  on_shown_();
  alarm_.Now();
}

// Whatever the machine lost, it is not what it had acknowledged as durable.
void SimulatedReplica::CheckAcknowledged() {
  const std::optional<Position> position = database_->position();
  const std::optional<Position>& told = link_.acknowledged;
  if (!position || !told || told->history != position->history || told->definition != position->definition) return;
  trace_.Count("starts of a replica that had acknowledged");
  if (told->lsn <= position->lsn) return;
  violation_ = Violation(name_ + " acknowledged " + told->lsn.ToText() + ", and has only " + position->lsn.ToText());
}

void SimulatedReplica::Kill() {
  process_.KillAt(0);
  if (up()) trace_.Note("%s died", name_);
  reading_.reset();
  session_.reset();
  taken_frames_.clear();
  database_.reset();
  network_.Listen(receiver_, "");
  process_.Revive();
  alarm_.Cancel();
  kernel_.clear();
  awake_at_ = absl::InfinitePast();
}

void SimulatedReplica::Leave() {
  Kill();
  left_ = true;
}

std::vector<std::string> SimulatedReplica::Addresses() const {
  std::vector<std::string> addresses;
  for (const ServingProcess* server : servers_) addresses.push_back(server->address() + ":7420");
  return addresses;
}

void SimulatedReplica::PointAt(ServingProcess& server) {
  Kill();
  ended_.reset();
  servers_ = {&server};
  link_.SetServer(server);
  trace_.Note("%s is pointed at %s", name_, server.name());
}

void SimulatedReplica::Pause(absl::Duration how_long) {
  awake_at_ = std::max(awake_at_, time_.clock.Now() + how_long);
  alarm_.Now();
}

void SimulatedReplica::LockDatabase(absl::Duration how_long) {
  if (locker_ != nullptr) return;
  auto other = sqlite::Database::Open(kDatabase, {.busy_timeout = absl::ZeroDuration(), .vfs = reader_.vfs()});
  if (!other.ok() || !(*other)->Execute("BEGIN IMMEDIATE").ok()) return;
  locker_ = *std::move(other);
  time_.After(how_long, [this] { locker_.reset(); });
}

absl::StatusOr<sqlite::Database*> SimulatedReplica::Reader() {
  if (reading_ == nullptr) {
    ASSIGN_OR_RETURN(reading_, sqlite::Database::Open(kDatabase, {.vfs = reader_.vfs()}));
  }
  return reading_.get();
}

void SimulatedReplica::RestartAfter(absl::Duration wait) {
  if (std::exchange(restarting_, true)) return;
  time_.After(wait, [this] {
    restarting_ = false;
    if (!up()) Start();
  });
}

void SimulatedReplica::Tamper() {
  auto other = sqlite::Database::Open(kDatabase, {.vfs = reader_.vfs()});
  if (!other.ok()) return;
  const char* sql = dataset() == "pairs" ? "UPDATE pairs SET note = 'tampered'" : "UPDATE t SET v = 'tampered'";
  // A commit that a full disk refuses may be whole in the write-ahead log: recovery then brings it back.
  if (!(*other)->Execute(sql).ok() || (*other)->Changes() > 0) tampered_ = was_tampered_ = true;
}

void SimulatedReplica::LosePower() {
  Kill();
  locker_.reset();
  disk_.LosePower();
  tampered_ = was_tampered_;
}

std::optional<Position> SimulatedReplica::position() const { return up() ? database_->position() : std::nullopt; }

void SimulatedReplica::OnCommit() {
  try {
    on_shown_();
  } catch (const Violation& violation) {
    if (!violation_) violation_ = violation;
  }
}

void SimulatedReplica::OnDatagram(const std::string& datagram) {
  if (!up()) return;
  if (!awake()) {
    if (kernel_.size() < kSocketBuffer) kernel_.push_back(datagram);
    return;
  }
  const Stopwatch::Turn turn(stopwatch_, Part::kReplicas);
  Hear(datagram);
  Step();
}

void SimulatedReplica::Step() {
  if (!up() || stepping_) return;
  if (!awake()) return alarm_.At(awake_at_);
  const Stopwatch::Turn turn(stopwatch_, Part::kReplicas);
  stepping_ = true;
  for (; !kernel_.empty(); kernel_.pop_front()) Hear(kernel_.front());
  const uint64_t changes = process_.changes("");
  absl::Time next = absl::InfiniteFuture();
  for (int round = 0; up(); ++round) {
    if (round > 10'000) throw Violation(name_ + " asks for work at once for ever");
    session_->OnTime(time_.clock.Now());
    if (process_.dead()) {
      trace_.Count("fault: replica killed at a write");
      Kill();
      break;
    }
    if (session_->ended()) {
      ended_ = session_->ended();
      trace_.Note("%s ended: %s", name_, ReasonOf(*ended_));
      Kill();
      break;
    }
    next = session_->NextDeadline();
    if (next > time_.clock.Now()) break;
  }
  stepping_ = false;
  if (violation_) throw Violation(*violation_);
  if (!up()) return;
  if (slowest_write_ > absl::ZeroDuration() && process_.changes("") != changes) {
    trace_.Count("fault: slow write of a replica");
    Pause(slowest_write_ * random_.Unit());
  }
  alarm_.At(next);
  if (database_->position() != shown_) {
    shown_ = database_->position();
    if (shown_) trace_.Note("%s shows %s", name_, shown_->lsn.ToText());
  }
}

absl::Status SimulatedReplica::Listen(const v1::Grant& grant) {
  network_.Listen(receiver_, GroupOf(grant.source(), grant.group()));
  return absl::OkStatus();
}

void SimulatedReplica::Hear(const std::string& datagram) {
  using enum delivery::FrameOutcome;
  const delivery::StreamReceiver* receiver = session_->receiver();
  const auto count = [&](std::initializer_list<delivery::FrameOutcome> outcomes) -> uint64_t {
    if (session_->receiver() == nullptr) return 0;
    const delivery::ReceiverCounters counters = session_->receiver()->counters();
    uint64_t sum = 0;
    for (const auto outcome : outcomes) sum += counters.outcomes[static_cast<size_t>(outcome)];
    return sum;
  };
  const auto taken = {kSymbol, kHeartbeat, kDuplicateSymbol};
  const uint64_t taken_before = count(taken), replayed_before = count({kReplayed});
  session_->OnDatagram(datagram, time_.clock.Now());
  if (count({kReplayed}) != replayed_before && !taken_frames_.contains(HashOf(datagram)))
    forestalled_at_ = time_.clock.Now();
  const auto frame = wire::ParseFrame(datagram);
  if (receiver == nullptr || !frame || frame->is_key_update || count(taken) == taken_before) return;
  observer_.OnFrameTaken(datagram);
  if (!taken_frames_.insert(HashOf(datagram)).second) throw Violation(name_ + " took a replayed frame");
}

void SimulatedReplica::Say(const std::string& line) {
  if (line.find("is not what its digest says") != std::string::npos) {
    throw Violation(name_ + " could not show a snapshot: " + line);
  }
  trace_.Count("lines said");
  trace_.Remark(name_ + " says: " + line);
}

void SimulatedReplica::OnLive(const Position& position) {
  trace_.Note("%s is live at %s", name_, position.lsn.ToText());
  trace_.Count("times live");
}

}  // namespace replicast::simulation
