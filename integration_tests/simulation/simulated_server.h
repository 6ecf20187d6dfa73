#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_

#include <string>

#include "integration_tests/simulation/serving_process.h"

namespace replicast::simulation {

// The master's server, as replicastd is.
class SimulatedServer : public ServingProcess {
 public:
  static constexpr char kMaster[] = "/master/master.db";
  static constexpr char kAddress[] = "10.0.0.1";

  SimulatedServer(const Surroundings& around, SimulatedDisk& disk, uint64_t seed, const std::string& name,
                  const Identity& identity, const Options& options)
      : ServingProcess(around, disk, seed, "server", name, kAddress, identity, options) {}
  ~SimulatedServer() override { Kill(); }

  // As `replicastd init`: the server owns the master from here on.
  absl::Status Init(bool take_over);
  // Somebody wrote to the master.
  void OnMasterWritten();
  bool decides() const override { return true; }

 private:
  struct Capture;
  absl::Status MakeOrigin(Parts& parts) override;
  absl::Status MakePublisher(Parts& parts) override;
  bool MayHaveChanged() override;
  std::string source() const override { return kMaster; }
  void AfterStep() override;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_SERVER_H_
