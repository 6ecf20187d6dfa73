#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCRIPT_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCRIPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "replicast/v1/types.pb.h"

namespace replicast::equivalence {

// How many connections applications have. Those from kAttaching on have another database as their main one, and the
// master as "m".
inline constexpr int kWriters = 3, kAttaching = 2;
inline const char* MasterOf(int writer) { return writer >= kAttaching ? "m" : "main"; }

// Not SQL: the connection's triggers are disabled, or enabled again.
inline constexpr char kTriggersOff[] = ".triggers off", kTriggersOn[] = ".triggers on";

// One thing that happens.
struct Step {
  enum class Kind {
    kSql,      // writer `who` runs `text`
    kDrain,    // the server publishes
    kBuild,    // the server makes a step of its index builds
    kRestart,  // the server
    kCreate,   // dataset `text`: `definition`; its follower is number `who`
    kListen,   // follower `who` takes what it heard
    kForget,   // follower `who` lost what it heard
    kCatchUp,  // follower `who` asks for some units
    kChunk,    // follower `who` asks for a chunk of a snapshot
    kReopen,   // follower `who` starts again
    kCompare,  // everybody is brought to the newest state, and must be equal
  };
  Kind kind = Kind::kSql;
  int who = 0;
  std::string text = {};
  v1::Definition definition = {};
};

// What one seed decides: a schema, and what happens to it. It can be played without its generator, in part too.
struct Script {
  uint64_t seed = 0;
  bool changes_schema = false;  // with statements that name what isn't there, and datasets that come to mean nothing
  bool misses_hooks = false;    // only the scrub finds everything
  uint64_t outbox_capacity = 0;
  uint64_t unit_store_bytes = 0;
  std::vector<std::string> ddl;
  std::vector<Step> steps;
};

// "1> INSERT …;", "drain;": one line a step.
std::string ToText(const Step& step);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCRIPT_H_
