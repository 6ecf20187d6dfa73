#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_WORLD_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_WORLD_H_

#include <optional>
#include <string>

#include "integration_tests/equivalence/script.h"
#include "integration_tests/equivalence/tally.h"

namespace replicast::equivalence {

struct Failure {
  std::string what;     // a few words, the same for failures of one kind
  std::string message;  // what failed, or differs
  std::string text;     // for people: the message, and all that led to it
};

struct PlayOptions {
  // A script of which parts were left out: tables and names may be missing.
  bool in_part = false;
  // Ask the program sqldiff too, which takes long.
  bool sqldiff = false;
};

// Plays a script: applications write to a master, a server publishes it, replicas follow, and every replica must be
// equal whenever they are compared. Nothing: all was as it must be.
std::optional<Failure> Play(const Script& script, const PlayOptions& options, Tally& tally);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_WORLD_H_
