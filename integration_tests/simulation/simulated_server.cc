#include "integration_tests/simulation/simulated_server.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"

namespace replicast::simulation {
namespace {

// The certificate authority of every simulated server: making one takes longer than a short run.
const CertificateAuthority& Authority() {
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
      time.Post([this, work = std::move(work), alive = std::weak_ptr<bool>(alive)] {
        if (alive.expired()) return;
        work();
        server.Step();
      });
    }
    SimulatedServer& server;
    VirtualTime& time;
    const std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  };
  std::unique_ptr<Loop> loop;
  std::unique_ptr<sqlite::Database> state;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<Membership> membership;
  std::unique_ptr<capture::SqliteSource> source;
  std::unique_ptr<Multicaster> multicaster;
  std::unique_ptr<StreamEvents> events;
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<control::ControlPlane> plane;
  std::unique_ptr<control::AuthorizationService> authorization;
  std::unique_ptr<control::KeyExchangeService> keys;
  std::unique_ptr<control::SynchronizationService> synchronization;
  absl::Time reopens_at = absl::InfinitePast();
};

SimulatedServer::SimulatedServer(VirtualTime& time, SimulatedNetwork& network, SimulatedDisk& disk, Trace& trace,
                                 uint64_t seed, const std::string& scratch, const Options& options)
    : time_(time),
      network_(network),
      trace_(trace),
      options_(options),
      scratch_(scratch),
      random_(seed),
      process_(disk, "server", time.clock, seed + 1),
      server_(random_.Identifier<ServerId>()) {}

SimulatedServer::~SimulatedServer() { Kill(); }

absl::Status SimulatedServer::Init(bool take_over) {
  ASSIGN_OR_RETURN(const auto master, capture::OpenMasterForWriting(kMaster, process_.vfs()));
  return capture::ClaimMaster(*master, server_, take_over, options_.outbox_capacity);
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
  ASSIGN_OR_RETURN(p.state, sqlite::Database::Open(kState, {.create = true, .vfs = process_.vfs()}));
  RETURN_IF_ERROR(p.state->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"));
  ASSIGN_OR_RETURN(p.audit, AuditLog::Open(scratch_ + "/audit.log", time_.clock));
  ASSIGN_OR_RETURN(p.membership, Membership::Open(*p.state, server_, Authority(), *p.audit, time_.clock, random_));
  capture::SourceOptions source;
  source.path = kMaster;
  source.vfs = process_.vfs();
  source.outbox_capacity = options_.outbox_capacity;
  source.owner = server_;
  ASSIGN_OR_RETURN(p.source, capture::SqliteSource::Open(source, time_.clock));
  Multicaster::Options sending;
  sending.frame_size = options_.frame_size;
  sending.rate_floor = options_.rate_floor;
  sending.rate_ceiling = options_.rate_ceiling;
  sending.rekey_every = options_.rekey_every;
  ASSIGN_OR_RETURN(p.multicaster, Multicaster::Create(*p.state, signer_, time_.clock, random_, network_, sending));
  p.events = std::make_unique<StreamEvents>(*p.multicaster, time_.clock);
  Publisher::Options publishing;
  publishing.unit_store_bytes = options_.unit_store_bytes;
  ASSIGN_OR_RETURN(p.publisher,
                   Publisher::Start(*p.state, *p.source, signer_, time_.clock, random_, *p.events, publishing));
  p.engine = std::make_unique<Engine>(
      Engine::Parts{*p.publisher, *p.multicaster, *p.events, time_.clock, [&p] { return p.source->MayHaveChanged(); }},
      Engine::Options());
  control::ControlPlane::Facts facts;
  facts.server = server_;
  facts.signing_public_key = signing_.public_key;
  facts.source_address = "10.0.0.1";
  facts.master_path = kMaster;
  p.plane = std::make_unique<control::ControlPlane>(
      control::ControlPlane::Parts{*p.loop, *p.engine, *p.publisher, *p.multicaster, *p.membership, signer_,
                                   time_.clock},
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
}

void SimulatedServer::Step() {
  if (!up() || stepping_) return;
  stepping_ = true;
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
  if (up()) alarm_.At(next);
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
