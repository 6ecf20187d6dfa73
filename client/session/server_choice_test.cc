#include "client/session/server_choice.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

const absl::Status kRefused = absl::PermissionDeniedError("no");

TEST(ServerChoiceTest, StaysWithTheOneThatServes) {
  ServerChoice choice({"a:1", "b:1", "c:1"});
  EXPECT_TRUE(choice.Next(std::nullopt));
  EXPECT_EQ(choice.current(), "b:1");
  choice.Settle();
  EXPECT_EQ(choice.current(), "b:1");
}

TEST(ServerChoiceTest, ARoundAsksEachOnceWhereverItBegan) {
  ServerChoice choice({"a:1", "b:1", "c:1"});
  choice.Next(std::nullopt);
  choice.Settle();
  EXPECT_TRUE(choice.Next(std::nullopt));
  EXPECT_TRUE(choice.Next(std::nullopt));
  EXPECT_EQ(choice.current(), "a:1");
  EXPECT_FALSE(choice.Next(std::nullopt));
  EXPECT_EQ(choice.current(), "a:1") << "of b is known for longer that it does not serve";
  EXPECT_TRUE(choice.Next(std::nullopt)) << "after the pause, the next round";
  EXPECT_EQ(choice.current(), "b:1");
}

TEST(ServerChoiceTest, OneAloneIsAskedAgainAfterAPause) {
  ServerChoice choice({"a:1"});
  EXPECT_TRUE(choice.alone());
  EXPECT_FALSE(choice.Next(std::nullopt));
  EXPECT_EQ(choice.current(), "a:1");
  EXPECT_FALSE(choice.RefusedByAll());
}

TEST(ServerChoiceTest, OnlyWhatAllRefuseIsRefused) {
  ServerChoice choice({"a:1", "b:1"});
  choice.Next(kRefused);
  EXPECT_FALSE(choice.RefusedByAll());
  choice.Next(std::nullopt);
  EXPECT_FALSE(choice.RefusedByAll()) << "b is away, and may serve later";
  choice.Next(kRefused);
  choice.Next(kRefused);
  EXPECT_EQ(choice.RefusedByAll(), kRefused);
  choice.Settle();
  EXPECT_FALSE(choice.RefusedByAll());
}

}  // namespace
}  // namespace replicast
