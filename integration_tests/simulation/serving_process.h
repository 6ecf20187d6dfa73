#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SERVING_PROCESS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SERVING_PROCESS_H_

#include <functional>
#include <memory>
#include <string>

#include "common/base/virtual_time.h"
#include "common/crypto/crypto.h"
#include "integration_tests/simulation/alarm.h"
#include "integration_tests/simulation/machine_clock.h"
#include "integration_tests/simulation/simulated_disk.h"
#include "integration_tests/simulation/simulated_network.h"
#include "integration_tests/simulation/stopwatch.h"
#include "server/control/authorization_service.h"
#include "server/control/control_plane.h"
#include "server/control/key_exchange_service.h"
#include "server/control/synchronization_service.h"
#include "server/membership/certificate_authority.h"
#include "server/publish/engine.h"

namespace replicast::simulation {

// What every running server has, wherever its units come from, as replicast::ServerProcess has it: of the same parts,
// over a simulated disk and network, without gRPC. It dies when its process is killed, and everything in memory with
// it.
class ServingProcess {
 public:
  struct Options {
    uint64_t frame_size = 1372;
    uint64_t rate_floor = 100'000, rate_ceiling = 10'000'000;
    uint64_t outbox_capacity = 100'000, unit_store_bytes = 64u << 20;
    double rekey_seconds = 3600, poll_seconds = 0.05;
    double epoch_frames = 0;  // another epoch is asked for after so many; 0: never
  };
  // What a copy of its machine has too.
  struct Identity {
    ServerId id;
    crypto::KeyPair signing = crypto::GenerateEd25519();
  };
  using OnSent = std::function<void(const std::string& datagram, const ServingProcess& by)>;
  struct Surroundings {
    VirtualTime& time;
    SimulatedNetwork& network;
    Trace& trace;
    Stopwatch& stopwatch;
    std::string scratch;  // a folder of real files
    OnSent on_sent;       // sees everything that it sends, before the network has it
  };
  static constexpr char kFolder[] = "/server/";

  // A subclass kills it before it goes.
  virtual ~ServingProcess();
  ServingProcess(const ServingProcess&) = delete;
  ServingProcess& operator=(const ServingProcess&) = delete;

  // Of every simulated server.
  static const std::string& CaPem();

  // Tries again after a second.
  void Start();
  // Unless it runs by then.
  void RestartAfter(absl::Duration wait);
  bool restarting() const { return restarting_; }
  // kill -9, now.
  void Kill();
  bool up() const { return parts_ != nullptr; }
  // Everything waits: a stopped process, a virtual machine that is moved, a disk that takes its time.
  void Pause(absl::Duration how_long);
  absl::Time awake_at() const { return awake_at_; }
  bool awake() const { return up() && time_.clock.Now() >= awake_at_; }
  // From now on each of its steps that writes takes up to so long.
  void SetSlowDisk(absl::Duration slowest) { slowest_write_ = slowest; }
  // Counts starts; 0 while it is down.
  uint64_t run() const { return up() ? run_ : 0; }
  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }
  SimulatedProcess& process() { return process_; }
  MachineClock& clock() { return clock_; }
  const Identity& identity() const { return identity_; }
  // How its members join a group of it.
  std::string GroupOf(const std::string& group) const { return simulation::GroupOf(address_, group); }
  // Of rights; else it asks a server above.
  virtual bool decides() const = 0;
  // It is gone for good.
  virtual bool left() const { return false; }
  // It keeps to no rule.
  virtual bool evil() const { return false; }

  // Works until nothing is due, and asks to be woken.
  void Step();

  // Of a server that is up.
  Publisher& publisher() const { return *parts_->publisher; }
  Multicaster& multicaster() const { return *parts_->multicaster; }
  Engine& engine() const { return *parts_->engine; }
  Membership& membership() const { return *parts_->membership; }
  Authority& authority() const { return *parts_->authority; }
  control::ControlPlane& plane() const { return *parts_->plane; }
  control::AuthorizationService& authorization() const { return *parts_->authorization; }
  control::KeyExchangeService& keys() const { return *parts_->keys; }
  control::SynchronizationService& synchronization() const { return *parts_->synchronization; }

  // What its process would say in `status`.
  std::string problem() const { return up() ? parts_->engine->problem() : last_words_; }

 protected:
  // `kind` is "server" or "relay"; `name` is also its process's; `address` that of its machine.
  ServingProcess(const Surroundings& around, SimulatedDisk& disk, uint64_t seed, const std::string& kind,
                 const std::string& name, const std::string& address, const Identity& identity, const Options& options);

  // What a subclass has besides, of one run.
  struct Origin {
    virtual ~Origin() = default;
  };
  // In the order in which they need each other. Work that was posted to a dead server is dropped.
  struct Parts {
    class Loop;
    class Sender;
    Parts();
    ~Parts();
    std::unique_ptr<Loop> loop;
    std::unique_ptr<Sender> sender;
    std::unique_ptr<sqlite::Database> state;
    std::unique_ptr<AuditLog> audit;
    std::unique_ptr<Membership> membership;
    std::unique_ptr<Origin> origin;
    std::unique_ptr<Multicaster> multicaster;
    std::unique_ptr<StreamEvents> events;
    std::unique_ptr<Publisher> publisher;
    std::unique_ptr<Authority> authority;
    std::unique_ptr<Engine> engine;
    std::unique_ptr<control::ControlPlane> plane;
    std::unique_ptr<control::AuthorizationService> authorization;
    std::unique_ptr<control::KeyExchangeService> keys;
    std::unique_ptr<control::SynchronizationService> synchronization;
  };
  // Makes membership and origin; then, when there is a listener for it, publisher and authority.
  virtual absl::Status MakeOrigin(Parts& parts) = 0;
  virtual absl::Status MakePublisher(Parts& parts) = 0;
  virtual bool MayHaveChanged() { return false; }
  virtual std::string source() const = 0;
  // All parts stand.
  virtual void OnStarted() {}
  // Before each round of a step: when to be called again; and after the last.
  virtual absl::Time BeforeRound() { return absl::InfiniteFuture(); }
  virtual void AfterStep() {}
  void Wake() { alarm_.Now(); }
  Executor& loop() const;
  Parts* parts() const { return parts_.get(); }

  VirtualTime& time_;
  SimulatedNetwork& network_;
  Trace& trace_;
  Stopwatch& stopwatch_;
  const std::string kind_, name_, address_;
  const Options options_;
  SeededRandom random_;
  MachineClock clock_{time_.clock};
  SimulatedProcess process_;
  const Identity identity_;
  wire::Signer signer_{identity_.signing.private_key};
  static const CertificateAuthority& Ca();

 private:
  absl::Status MakeParts();

  // As the trace names it.
  const std::string& title() const { return kind_ == "server" ? kind_ : name_; }

  const std::string scratch_;
  const OnSent on_sent_;
  std::unique_ptr<Parts> parts_;
  std::string last_words_;
  Alarm alarm_{time_, [this] { Step(); }};
  absl::Time awake_at_ = absl::InfinitePast();
  absl::Duration slowest_write_;
  uint64_t run_ = 0;
  bool stepping_ = false, restarting_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SERVING_PROCESS_H_
