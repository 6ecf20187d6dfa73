#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SHOWN_STATES_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SHOWN_STATES_H_

#include <map>
#include <optional>
#include <string>

#include "integration_tests/simulation/master_history.h"
#include "integration_tests/simulation/simulated_replica.h"

namespace replicast::simulation {

// Checks what readers of a replica see at every commit: only states that the master had at the boundary that the file
// tells, and never an older one after a newer one of the same history.
class ShownStates {
 public:
  ShownStates(const MasterHistory& history, Trace& trace) : history_(history), trace_(trace) {}
  // Its readers may see another state now. Throws Violation.
  void OnShown(SimulatedReplica& replica);
  // Its disk lost what was not synced: it may show an older state.
  void Forget(const SimulatedReplica& replica) { newest_.erase(replica.name()); }

 private:
  const MasterHistory& history_;
  Trace& trace_;
  struct Shown {
    std::string history;
    Lsn lsn;
    DefinitionHash definition;
  };
  // What the file says that it shows; nothing: no dataset yet, or it can't be opened now.
  static std::optional<Shown> Read(sqlite::Database& reader);

  std::map<std::string, Shown> newest_;  // by replica
};

// What its readers see; an error: it can't be opened now.
absl::StatusOr<Digest> ContentOf(SimulatedReplica& replica);

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SHOWN_STATES_H_
