#include "integration_tests/simulation/serving_process.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/errors.h"

namespace replicast::simulation {

class ServingProcess::Parts::Loop : public Executor {
 public:
  explicit Loop(ServingProcess& server) : server_(server) {}
  void Post(std::function<void()> work) override {
    server_.time_.At(server_.awake_at(), [this, work = std::move(work), alive = std::weak_ptr<bool>(alive_)]() mutable {
      if (alive.expired()) return;
      if (!server_.awake()) return Post(std::move(work));
      const Stopwatch::Turn turn(server_.stopwatch_, Part::kServer);
      work();
      server_.Step();
    });
  }

 private:
  ServingProcess& server_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class ServingProcess::Parts::Sender : public net::DatagramSender {
 public:
  explicit Sender(ServingProcess& server) : server_(server) {}
  size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) override {
    const size_t sent = server_.network_.Room(datagrams.size());
    for (size_t i = 0; i < sent; ++i) server_.on_sent_(datagrams[i], server_);
    return server_.network_.Send(server_.GroupOf(group), port,
                                 {datagrams.begin(), datagrams.begin() + static_cast<ptrdiff_t>(sent)});
  }

 private:
  ServingProcess& server_;
};

ServingProcess::Parts::Parts() = default;
ServingProcess::Parts::~Parts() = default;

ServingProcess::ServingProcess(const Surroundings& around, SimulatedDisk& disk, uint64_t seed, const std::string& kind,
                               const std::string& name, const std::string& address, const Identity& identity,
                               const Options& options)
    : time_(around.time),
      network_(around.network),
      trace_(around.trace),
      stopwatch_(around.stopwatch),
      kind_(kind),
      name_(name),
      address_(address),
      options_(options),
      random_(seed),
      process_(disk, name, clock_, seed + 1),
      identity_(identity),
      scratch_(around.scratch),
      on_sent_(around.on_sent) {}

ServingProcess::~ServingProcess() { REPLICAST_CHECK(!up()); }

// Making one takes longer than a short run.
const CertificateAuthority& ServingProcess::Ca() {
  static const CertificateAuthority authority = CertificateAuthority::Generate(ManualClock().Wall());
  return authority;
}

const std::string& ServingProcess::CaPem() { return Ca().ca_pem(); }

Executor& ServingProcess::loop() const { return *parts_->loop; }

void ServingProcess::Start() {
  REPLICAST_CHECK(!up());
  parts_ = std::make_unique<Parts>();
  if (const absl::Status made = MakeParts(); !made.ok()) {
    last_words_ = std::string(made.message());
    parts_.reset();
    process_.Revive();
    trace_.Count(kind_ + " could not start");
    return RestartAfter(absl::Seconds(1));
  }
  last_words_.clear();
  ++run_;
  trace_.Note("%s started", title());
  OnStarted();
  alarm_.Now();
}

void ServingProcess::RestartAfter(absl::Duration wait) {
  if (std::exchange(restarting_, true)) return;
  time_.After(wait, [this] {
    restarting_ = false;
    if (!up() && !left()) Start();
  });
}

absl::Status ServingProcess::MakeParts() {
  Parts& p = *parts_;
  p.loop = std::make_unique<Parts::Loop>(*this);
  p.sender = std::make_unique<Parts::Sender>(*this);
  ASSIGN_OR_RETURN(p.state,
                   sqlite::Database::Open(absl::StrCat(kFolder, "state.db"), {.create = true, .vfs = process_.vfs()}));
  RETURN_IF_ERROR(p.state->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"));
  ASSIGN_OR_RETURN(p.audit, AuditLog::Open(absl::StrCat(scratch_, "/", title(), "-audit.log"), clock_));
  RETURN_IF_ERROR(MakeOrigin(p));
  Multicaster::Options sending;
  sending.frame_size = options_.frame_size;
  sending.rate_floor = options_.rate_floor;
  sending.rate_ceiling = options_.rate_ceiling;
  sending.rekey_every = absl::Seconds(options_.rekey_seconds);
  ASSIGN_OR_RETURN(p.multicaster, Multicaster::Create(*p.state, signer_, clock_, random_, *p.sender, sending));
  p.events = std::make_unique<StreamEvents>(*p.multicaster, clock_);
  RETURN_IF_ERROR(MakePublisher(p));
  p.engine = std::make_unique<Engine>(
      Engine::Parts{*p.publisher, *p.multicaster, *p.events, clock_, [this] { return MayHaveChanged(); }},
      Engine::Options{.poll_interval = absl::Seconds(options_.poll_seconds)});
  control::ControlPlane::Facts facts;
  facts.server = identity_.id;
  facts.key_signing_public_key = identity_.signing.public_key;
  facts.sources = [address = address_] { return address; };
  facts.master_path = source();
  p.plane = std::make_unique<control::ControlPlane>(
      control::ControlPlane::Parts{*p.loop, *p.engine, *p.publisher, *p.multicaster, *p.membership, *p.authority,
                                   signer_, clock_},
      std::move(facts));
  p.authorization = std::make_unique<control::AuthorizationService>(*p.plane);
  p.keys = std::make_unique<control::KeyExchangeService>(*p.plane);
  p.synchronization = std::make_unique<control::SynchronizationService>(*p.plane);
  return absl::OkStatus();
}

void ServingProcess::Kill() {
  process_.KillAt(0);
  if (parts_ != nullptr) trace_.Note("%s died", title());
  parts_.reset();
  process_.Revive();
  alarm_.Cancel();
  awake_at_ = absl::InfinitePast();
}

void ServingProcess::Pause(absl::Duration how_long) {
  awake_at_ = std::max(awake_at_, time_.clock.Now() + how_long);
  alarm_.Now();
}

void ServingProcess::Step() {
  if (!up() || stepping_) return;
  if (!awake()) return alarm_.At(awake_at_);
  const Stopwatch::Turn turn(stopwatch_, Part::kServer);
  stepping_ = true;
  const uint64_t changes = process_.changes("");
  absl::Time next = absl::InfiniteFuture();
  // As the daemon's loop: what is due at once is done at once, up to a bound that only a busy loop reaches.
  for (int round = 0; up(); ++round) {
    if (round > 10'000) throw Violation(name_ + " asks for work at once for ever");
    const absl::Time own = BeforeRound();
    next = std::min({own, parts_->engine->Step(), parts_->plane->Tick()});
    if (process_.dead()) {
      trace_.Count("fault: " + kind_ + " killed at a write");
      Kill();
      break;
    }
    if (next > time_.clock.Now()) break;
  }
  stepping_ = false;
  if (!up()) return;
  AfterStep();
  if (slowest_write_ > absl::ZeroDuration() && process_.changes("") != changes) {
    trace_.Count("fault: slow write of the " + kind_);
    Pause(slowest_write_ * random_.Unit());
  }
  alarm_.At(next);
}

}  // namespace replicast::simulation
