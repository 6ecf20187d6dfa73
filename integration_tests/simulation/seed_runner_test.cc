#include "integration_tests/simulation/seed_runner.h"

#include <gtest/gtest.h>

#include "common/base/log.h"

namespace replicast::simulation {
namespace {

class SeedRunnerTest : public ::testing::Test {
 protected:
  SeedRunnerTest() { spdlog::set_level(spdlog::level::off); }
};

TEST_F(SeedRunnerTest, TheSameSeedGivesTheSameTraceInAnyProcess) {
  std::map<uint64_t, uint64_t> alone, shared;
  for (uint64_t seed = 3; seed <= 6; ++seed) alone[seed] = RunWorld(Configuration::ForSeed(seed)).hash;
  RunSeeds(3, 6, 2, "", [&](const SeedOutcome& outcome) {
    shared[outcome.seed] = outcome.hash;
    EXPECT_EQ(outcome.violation, "");
    return true;
  });
  EXPECT_EQ(alone, shared);
  EXPECT_NE(alone[3], alone[4]);
}

TEST_F(SeedRunnerTest, StopsWhenToldTo) {
  int outcomes = 0;
  RunSeeds(1, 1'000'000, 2, "", [&](const SeedOutcome&) { return ++outcomes < 3; });
  EXPECT_EQ(outcomes, 3);
}

}  // namespace
}  // namespace replicast::simulation
