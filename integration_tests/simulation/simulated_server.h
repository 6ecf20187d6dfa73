#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_

#include <memory>
#include <optional>
#include <string>

#include "common/base/virtual_time.h"
#include "common/crypto/crypto.h"
#include "integration_tests/simulation/alarm.h"
#include "integration_tests/simulation/simulated_disk.h"
#include "integration_tests/simulation/simulated_network.h"
#include "server/capture/sqlite_source.h"
#include "server/control/authorization_service.h"
#include "server/control/control_plane.h"
#include "server/control/key_exchange_service.h"
#include "server/control/synchronization_service.h"
#include "server/publish/engine.h"

namespace replicast::simulation {

// A server as replicastd makes it, of the same parts, over a simulated disk and network, without gRPC. It dies when its
// process is killed, and everything in memory with it.
class SimulatedServer {
 public:
  struct Options {
    size_t frame_size = 1372;
    uint64_t rate_floor = 100'000, rate_ceiling = 10'000'000;
    uint64_t outbox_capacity = 100'000, unit_store_bytes = 64u << 20;
    absl::Duration rekey_every = absl::Hours(1);
  };
  static constexpr char kMaster[] = "/master/master.db";
  static constexpr char kFolder[] = "/server/";

  SimulatedServer(VirtualTime& time, SimulatedNetwork& network, SimulatedDisk& disk, Trace& trace, uint64_t seed,
                  const std::string& scratch, const Options& options);
  ~SimulatedServer();

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
  // Counts starts; 0 while it is down.
  uint64_t run() const { return up() ? run_ : 0; }
  SimulatedProcess& process() { return process_; }

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

  VirtualTime& time_;
  SimulatedNetwork& network_;
  Trace& trace_;
  const Options options_;
  const std::string scratch_;
  SeededRandom random_;
  SimulatedProcess process_;
  const ServerId server_;
  crypto::KeyPair signing_ = crypto::GenerateEd25519();
  wire::Signer signer_{signing_.private_key};
  std::unique_ptr<Parts> parts_;
  std::string last_words_;
  Alarm alarm_{time_, [this] { Step(); }};
  uint64_t run_ = 0;
  bool stepping_ = false, restarting_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_
