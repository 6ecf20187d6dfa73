#include "client/session/granted_stream.h"

#include <gtest/gtest.h>

#include "client/session/session_world.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

class GrantedStreamTest : public testing::Test {
 protected:
  SessionWorld world_{1};
};

TEST_F(GrantedStreamTest, AGrantThatContradictsItselfEndsIt) {
  world_.server.Start();
  world_.server.definition_is_wrong = true;
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Seconds(5)));
  EXPECT_EQ(ReasonOf(*world_.session->ended()), "ANSWER_INVALID");
  EXPECT_FALSE(world_.database->identity().has_value());
}

TEST_F(GrantedStreamTest, WhatTheMastersServerDidNotGrantEndsIt) {
  world_.server.Start();
  const auto refused = [&](const std::function<void(FakeServer&)>& forge) {
    world_.server.grant_is_forged = world_.server.schema_is_forged = world_.server.signing_key_is_forged = false;
    world_.server.granted_to = world_.server.member;
    forge(world_.server);
    world_.StopReplica();
    world_.StartReplica();
    EXPECT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Seconds(5)));
    EXPECT_EQ(ReasonOf(*world_.session->ended()), "SIGNATURE_INVALID");
    EXPECT_FALSE(world_.database->identity().has_value());
  };
  refused([](FakeServer& server) { server.signing_key_is_forged = true; });
  refused([](FakeServer& server) { server.grant_is_forged = true; });
  refused([](FakeServer& server) { server.schema_is_forged = true; });
  refused([](FakeServer& server) { server.granted_to.bytes[0] ^= 1; });
}

}  // namespace
}  // namespace replicast
