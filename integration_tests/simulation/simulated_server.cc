#include "integration_tests/simulation/simulated_server.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/signed_statements.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"

namespace replicast::simulation {
namespace {

// The certificate authority of every simulated server: making one takes longer than a short run.
const CertificateAuthority& Ca() {
  static const CertificateAuthority authority = CertificateAuthority::Generate(ManualClock().Wall());
  return authority;
}

constexpr char kState[] = "/server/state.db";

}  // namespace

// In the order in which they need each other. Work that was posted to a dead server is dropped by the guard.
struct SimulatedServer::Parts {
  struct Loop : Executor {
    Loop(SimulatedServer& owning, VirtualTime& virtual_time) : server(owning), time(virtual_time) {}
    void Post(std::function<void()> work) override {
      time.At(server.awake_at(), [this, work = std::move(work), alive = std::weak_ptr<bool>(alive)]() mutable {
        if (alive.expired()) return;
        if (!server.awake()) return Post(std::move(work));
        const Stopwatch::Turn turn(server.stopwatch_, Part::kServer);
        work();
        server.Step();
      });
    }
    SimulatedServer& server;
    VirtualTime& time;
    const std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  };
  struct Sender : net::DatagramSender {
    explicit Sender(SimulatedServer& owning) : server(owning) {}
    size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) override {
      const size_t sent = server.network_.Room(datagrams.size());
      for (size_t i = 0; i < sent; ++i) server.on_sent_(datagrams[i], server.multicaster());
      return server.network_.Send(group, port, {datagrams.begin(), datagrams.begin() + static_cast<ptrdiff_t>(sent)});
    }
    SimulatedServer& server;
  };
  std::unique_ptr<Loop> loop;
  std::unique_ptr<Sender> sender;
  std::unique_ptr<sqlite::Database> state;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<Membership> membership;
  std::unique_ptr<capture::SqliteSource> source;
  std::unique_ptr<Multicaster> multicaster;
  std::unique_ptr<StreamEvents> events;
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<control::LocalAuthority> authority;
  std::unique_ptr<control::ControlPlane> plane;
  std::unique_ptr<control::AuthorizationService> authorization;
  std::unique_ptr<control::KeyExchangeService> keys;
  std::unique_ptr<control::SynchronizationService> synchronization;
  absl::Time reopens_at = absl::InfinitePast();
};

SimulatedServer::SimulatedServer(VirtualTime& time, SimulatedNetwork& network, SimulatedDisk& disk, Trace& trace,
                                 Stopwatch& stopwatch, uint64_t seed, const std::string& name, const Identity& identity,
                                 const std::string& scratch, const Options& options, OnSent on_sent)
    : time_(time),
      network_(network),
      trace_(trace),
      stopwatch_(stopwatch),
      options_(options),
      scratch_(scratch),
      on_sent_(std::move(on_sent)),
      random_(seed),
      process_(disk, name, clock_, seed + 1),
      identity_(identity) {}

SimulatedServer::~SimulatedServer() { Kill(); }

const std::string& SimulatedServer::CaPem() { return Ca().ca_pem(); }

absl::Status SimulatedServer::Init(bool take_over) {
  ASSIGN_OR_RETURN(const auto master, capture::OpenMasterForWriting(kMaster, process_.vfs()));
  return capture::ClaimMaster(*master, identity_.id, take_over, options_.outbox_capacity);
}

void SimulatedServer::Start() {
  REPLICAST_CHECK(!up());
  parts_ = std::make_unique<Parts>();
  if (const absl::Status made = MakeParts(); !made.ok()) {
    last_words_ = std::string(made.message());
    parts_.reset();
    process_.Revive();
    trace_.Count("server could not start");
    return RestartAfter(absl::Seconds(1));
  }
  last_words_.clear();
  ++run_;
  trace_.Note("server started");
  alarm_.Now();
}

void SimulatedServer::RestartAfter(absl::Duration wait) {
  if (std::exchange(restarting_, true)) return;
  time_.After(wait, [this] {
    restarting_ = false;
    if (!up()) Start();
  });
}

absl::Status SimulatedServer::MakeParts() {
  Parts& p = *parts_;
  p.loop = std::make_unique<Parts::Loop>(*this, time_);
  p.sender = std::make_unique<Parts::Sender>(*this);
  ASSIGN_OR_RETURN(p.state, sqlite::Database::Open(kState, {.create = true, .vfs = process_.vfs()}));
  RETURN_IF_ERROR(p.state->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"));
  ASSIGN_OR_RETURN(p.audit, AuditLog::Open(scratch_ + "/audit.log", clock_));
  ASSIGN_OR_RETURN(p.membership, Membership::Open(*p.state, identity_.id, Ca(), *p.audit, clock_, random_));
  capture::SourceOptions source;
  source.path = kMaster;
  source.vfs = process_.vfs();
  source.outbox_capacity = options_.outbox_capacity;
  source.owner = identity_.id;
  ASSIGN_OR_RETURN(p.source, capture::SqliteSource::Open(source, clock_));
  Multicaster::Options sending;
  sending.frame_size = options_.frame_size;
  sending.rate_floor = options_.rate_floor;
  sending.rate_ceiling = options_.rate_ceiling;
  sending.rekey_every = absl::Seconds(options_.rekey_seconds);
  ASSIGN_OR_RETURN(p.multicaster, Multicaster::Create(*p.state, signer_, clock_, random_, *p.sender, sending));
  p.events = std::make_unique<StreamEvents>(*p.multicaster, clock_);
  Publisher::Options publishing;
  publishing.unit_store_bytes = options_.unit_store_bytes;
  publishing.server = identity_.id;
  publishing.settle = absl::Milliseconds(50);
  ASSIGN_OR_RETURN(p.publisher, Publisher::Start(*p.state, *p.source, signer_, clock_, random_, *p.events, publishing));
  p.engine = std::make_unique<Engine>(
      Engine::Parts{*p.publisher, *p.multicaster, *p.events, clock_, [&p] { return p.source->MayHaveChanged(); }},
      Engine::Options{.poll_interval = absl::Seconds(options_.poll_seconds)});
  control::ControlPlane::Facts facts;
  facts.server = identity_.id;
  facts.key_signing_public_key = identity_.signing.public_key;
  facts.sources = [] { return std::string("10.0.0.1"); };
  facts.master_path = kMaster;
  p.authority = std::make_unique<control::LocalAuthority>(control::LocalAuthority::Parts{
      *p.membership, *p.publisher, signer_, clock_, identity_.id,
      wire::CertifySigningKey(identity_.id, identity_.signing.public_key, Ca().key_pem()), "", ""});
  p.plane = std::make_unique<control::ControlPlane>(
      control::ControlPlane::Parts{*p.loop, *p.engine, *p.publisher, *p.multicaster, *p.membership, *p.authority,
                                   signer_, clock_},
      std::move(facts));
  p.authorization = std::make_unique<control::AuthorizationService>(*p.plane);
  p.keys = std::make_unique<control::KeyExchangeService>(*p.plane);
  p.synchronization = std::make_unique<control::SynchronizationService>(*p.plane);
  return absl::OkStatus();
}

void SimulatedServer::Kill() {
  process_.KillAt(0);
  if (parts_ != nullptr) trace_.Note("server died");
  parts_.reset();
  process_.Revive();
  alarm_.Cancel();
  awake_at_ = absl::InfinitePast();
}

void SimulatedServer::Pause(absl::Duration how_long) {
  awake_at_ = std::max(awake_at_, time_.clock.Now() + how_long);
  alarm_.Now();
}

void SimulatedServer::Step() {
  if (!up() || stepping_) return;
  if (!awake()) return alarm_.At(awake_at_);
  const Stopwatch::Turn turn(stopwatch_, Part::kServer);
  stepping_ = true;
  const uint64_t changes = process_.changes("");
  absl::Time next = absl::InfiniteFuture();
  // As the daemon's loop: what is due at once is done at once, up to a bound that only a busy loop reaches.
  for (int round = 0; up(); ++round) {
    if (round > 10'000) throw Violation("the server asks for work at once for ever");
    next = std::min(parts_->engine->Step(), parts_->plane->Tick());
    if (process_.dead()) {
      trace_.Count("fault: server killed at a write");
      Kill();
      break;
    }
    if (next > time_.clock.Now()) break;
  }
  stepping_ = false;
  if (!up()) return;
  CheckMaster();
  if (slowest_write_ > absl::ZeroDuration() && process_.changes("") != changes) {
    trace_.Count("fault: slow write of the server");
    Pause(slowest_write_ * random_.Unit());
  }
  alarm_.At(next);
}

void SimulatedServer::CheckMaster() {
  if (process_.HasLocks(kMaster)) throw Violation("the server holds a lock on the master between its steps");
}

void SimulatedServer::OnMasterWritten() {
  if (!up()) return;
  parts_->engine->OnSourceWritten();
  alarm_.Now();
}

Publisher& SimulatedServer::publisher() { return *parts_->publisher; }
Multicaster& SimulatedServer::multicaster() { return *parts_->multicaster; }
Engine& SimulatedServer::engine() { return *parts_->engine; }
Membership& SimulatedServer::membership() { return *parts_->membership; }
control::ControlPlane& SimulatedServer::plane() { return *parts_->plane; }
control::AuthorizationService& SimulatedServer::authorization() { return *parts_->authorization; }
control::KeyExchangeService& SimulatedServer::keys() { return *parts_->keys; }
control::SynchronizationService& SimulatedServer::synchronization() { return *parts_->synchronization; }

std::string SimulatedServer::problem() const { return up() ? parts_->engine->problem() : last_words_; }

}  // namespace replicast::simulation
