#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_

#include <memory>
#include <optional>
#include <string>

#include "common/base/virtual_time.h"
#include "common/crypto/crypto.h"
#include "integration_tests/simulation/alarm.h"
#include "integration_tests/simulation/machine_clock.h"
#include "integration_tests/simulation/simulated_disk.h"
#include "integration_tests/simulation/simulated_network.h"
#include "integration_tests/simulation/stopwatch.h"
#include "server/capture/sqlite_source.h"
#include "server/control/authorization_service.h"
#include "server/control/control_plane.h"
#include "server/control/key_exchange_service.h"
#include "server/control/local_authority.h"
#include "server/control/synchronization_service.h"
#include "server/publish/engine.h"

namespace replicast::simulation {

// A server as replicastd makes it, of the same parts, over a simulated disk and network, without gRPC. It dies when its
// process is killed, and everything in memory with it.
class SimulatedServer {
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
  using OnSent = std::function<void(const std::string& datagram, const Multicaster& by)>;
  static constexpr char kMaster[] = "/master/master.db";
  static constexpr char kFolder[] = "/server/";

  // `on_sent` sees everything that it sends, before the network has it. `name` is also its process's.
  SimulatedServer(VirtualTime& time, SimulatedNetwork& network, SimulatedDisk& disk, Trace& trace, Stopwatch& stopwatch,
                  uint64_t seed, const std::string& name, const Identity& identity, const std::string& scratch,
                  const Options& options, OnSent on_sent);
  ~SimulatedServer();

  // Of every simulated server.
  static const std::string& CaPem();

  // As `replicastd init`: the server owns the master from here on.
  absl::Status Init(bool take_over);
  // As `replicastd --config …`; tries again after a second.
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
  SimulatedProcess& process() { return process_; }
  MachineClock& clock() { return clock_; }
  const Identity& identity() const { return identity_; }

  // Works until nothing is due, and asks to be woken.
  void Step();
  // Somebody wrote to the master.
  void OnMasterWritten();

  // Of a server that is up.
  Publisher& publisher();
  Multicaster& multicaster();
  Engine& engine();
  Membership& membership();
  control::ControlPlane& plane();
  control::AuthorizationService& authorization();
  control::KeyExchangeService& keys();
  control::SynchronizationService& synchronization();

  // What its process would say in `status`.
  std::string problem() const;

 private:
  struct Parts;
  absl::Status MakeParts();
  void CheckMaster();

  VirtualTime& time_;
  SimulatedNetwork& network_;
  Trace& trace_;
  Stopwatch& stopwatch_;
  const Options options_;
  const std::string scratch_;
  const OnSent on_sent_;
  SeededRandom random_;
  MachineClock clock_{time_.clock};
  SimulatedProcess process_;
  const Identity identity_;
  wire::Signer signer_{identity_.signing.private_key};
  std::unique_ptr<Parts> parts_;
  std::string last_words_;
  Alarm alarm_{time_, [this] { Step(); }};
  absl::Time awake_at_ = absl::InfinitePast();
  absl::Duration slowest_write_;
  uint64_t run_ = 0;
  bool stepping_ = false, restarting_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_
