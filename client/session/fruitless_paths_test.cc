#include <gtest/gtest.h>

#include "client/session/session_world.h"

namespace replicast {
namespace {

// What leads nowhere costs its server, and whoever else asks it, little.
class FruitlessPathsTest : public testing::Test {
 protected:
  FruitlessPathsTest() {
    for (int i = 0; i < 120; ++i) world_.server.Put(i, "first");
    world_.server.Start();
    world_.StartReplica();
  }

  SessionWorld world_{1};
};

TEST_F(FruitlessPathsTest, ASnapshotThatNoUnitCompletesIsFetchedEverMoreRarely) {
  world_.server.no_unit_leads_on = true;
  world_.RunFor(absl::Minutes(10));
  EXPECT_TRUE(world_.Said("the snapshot begins again: position is older than the unit store"));
  EXPECT_LT(world_.server.calls["Snapshot"], 40);
  world_.server.no_unit_leads_on = false;
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(2)));
}

TEST_F(FruitlessPathsTest, ByUnicastACatchUpThatLeavesAGapIsAskedForEverMoreRarely) {
  ASSERT_TRUE(world_.RunUntilEqual());
  world_.RunFor(absl::Minutes(1));
  world_.server.multicast_arrives = false;
  world_.server.catch_ups_leave_out = 1;
  for (int i = 0; i < 2; ++i) {
    world_.server.Put(i, "while nothing came by multicast");
    world_.server.Commit();
  }
  const int before = world_.server.calls["CatchUp"];
  world_.RunFor(absl::Minutes(5));
  EXPECT_GT(world_.server.calls["CatchUp"], before + 3);
  EXPECT_LT(world_.server.calls["CatchUp"], before + 60);
  world_.server.catch_ups_leave_out = 0;
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(2)));
}

}  // namespace
}  // namespace replicast
