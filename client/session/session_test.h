#ifndef REPLICAST_CLIENT_SESSION_SESSION_TEST_H_
#define REPLICAST_CLIENT_SESSION_SESSION_TEST_H_

#include <gtest/gtest.h>

#include <string>

#include "client/session/session_world.h"

namespace replicast {

// For tests: a replica that begins to follow a server with 120 rows.
class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    for (int i = 0; i < 120; ++i) world_.server.Put(i, "first");
    world_.server.Start();
    world_.StartReplica();
  }
  void Join() {
    ASSERT_TRUE(world_.RunUntilEqual());
    ASSERT_TRUE(world_.RunUntil([&] { return world_.live == 1; }, absl::Seconds(5)));
  }
  void Change(int64_t id, const std::string& value) {
    world_.server.Put(id, value);
    world_.server.Commit();
  }

  SessionWorld world_{1};
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SESSION_TEST_H_
