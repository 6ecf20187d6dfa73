#include "integration_tests/simulation/shrink.h"

#include <gtest/gtest.h>

namespace replicast::simulation {
namespace {

TEST(ShrinkTest, LeavesOnlyWhatTheViolationNeeds) {
  Configuration failing = Configuration::ForSeed(1);
  failing.replicas = 5;
  failing.path.loss = 0.1;
  failing.faults.server_killed = 2;
  failing.faults.rekeyed = 3;
  // Needs two replicas, losses and killed servers.
  const auto violation_of = [](const Configuration& c) -> std::string {
    if (c.replicas >= 2 && c.path.loss > 0 && c.faults.server_killed > 0) return "replica1 shows at 17.3 nonsense: 5";
    return "";
  };
  int steps = 0;
  Configuration shrunk = failing;
  const std::string settings = Shrink(failing, violation_of, [&](const std::string&) { ++steps; });
  ASSERT_TRUE(shrunk.Set(settings).ok()) << settings;
  EXPECT_NE(violation_of(shrunk), "");
  EXPECT_GT(steps, 3);
  EXPECT_LE(shrunk.replicas, 3);
  EXPECT_EQ(shrunk.faults.rekeyed, 0);
  EXPECT_EQ(shrunk.transactions, 0.1);
  EXPECT_EQ(shrunk.path.loss, 0.1);
}

TEST(ShrinkTest, DoesNotTakeAnotherViolationForTheSame) {
  Configuration failing = Configuration::ForSeed(1);
  failing.replicas = 4;
  const auto violation_of = [](const Configuration& c) -> std::string {
    return c.replicas >= 3 ? "replica2 goes back" : "not equal: replica0";
  };
  Configuration shrunk = failing;
  ASSERT_TRUE(shrunk.Set(Shrink(failing, violation_of, [](const std::string&) {})).ok());
  EXPECT_EQ(violation_of(shrunk), "replica2 goes back");
}

TEST(ShrinkTest, SettingsAreRefusedByName) {
  Configuration configuration = Configuration::ForSeed(1);
  EXPECT_TRUE(configuration.Set("replicas=3,loss=0.5").ok());
  EXPECT_EQ(configuration.replicas, 3);
  EXPECT_EQ(configuration.path.loss, 0.5);
  EXPECT_NE(std::string(configuration.Set("replica=3").message()).find("replicas"), std::string::npos);
  EXPECT_FALSE(configuration.Set("replicas=0").ok());
  EXPECT_FALSE(configuration.Set("loss=much").ok());
  EXPECT_TRUE(configuration.Set("").ok());
}

}  // namespace
}  // namespace replicast::simulation
