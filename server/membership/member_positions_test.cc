#include "server/membership/member_positions.h"

#include <gtest/gtest.h>

#include "common/base/numbered.h"

namespace replicast {
namespace {

class MemberPositionsTest : public testing::Test {
 protected:
  MemberPositionsTest() { EXPECT_TRUE(MemberPositions::Install(*state_).ok()); }
  static Position At(uint8_t stream, uint64_t lsn) {
    return {Numbered<HistoryId>(9), Numbered<DefinitionHash>(stream), Lsn{lsn}};
  }
  std::vector<MemberPositions::Standing> AfterARestart() {
    MemberPositions again(*state_);
    EXPECT_TRUE(again.Load().ok());
    return again.All();
  }

  std::unique_ptr<sqlite::Database> state_ = *sqlite::Database::Open(":memory:", {.create = true});
  MemberPositions positions_{*state_};
  const MemberId one_ = Numbered<MemberId>(1), two_ = Numbered<MemberId>(2);
};

TEST_F(MemberPositionsTest, TheNewestOfEachStreamOutlivesARestartOnceItIsFlushed) {
  positions_.Note(one_, At(1, 10), absl::FromUnixSeconds(100));
  positions_.Note(one_, At(2, 7), absl::FromUnixSeconds(100));
  ASSERT_TRUE(positions_.Flush().ok());
  positions_.Note(one_, At(1, 20), absl::FromUnixSeconds(200));
  EXPECT_EQ(AfterARestart().at(0).position, At(1, 10)) << "not flushed yet";
  ASSERT_TRUE(positions_.Flush().ok());
  const auto noted = AfterARestart();
  ASSERT_EQ(noted.size(), 2u);
  EXPECT_EQ(noted[0].member, one_);
  EXPECT_EQ(noted[0].position, At(1, 20));
  EXPECT_EQ(noted[0].at, absl::FromUnixSeconds(200));
  EXPECT_EQ(noted[1].position, At(2, 7));
}

TEST_F(MemberPositionsTest, WhoIsRevokedAndStreamsThatAreGoneAreForgotten) {
  positions_.Note(one_, At(1, 10), absl::FromUnixSeconds(100));
  positions_.Note(two_, At(1, 11), absl::FromUnixSeconds(100));
  positions_.Note(two_, At(2, 12), absl::FromUnixSeconds(100));
  ASSERT_TRUE(positions_.Flush().ok());
  positions_.Forget(one_);
  positions_.KeepStreams({Numbered<DefinitionHash>(2)}, absl::FromUnixSeconds(0));
  ASSERT_TRUE(positions_.Flush().ok());
  const auto noted = AfterARestart();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].member, two_);
  EXPECT_EQ(noted[0].position, At(2, 12));
}

TEST_F(MemberPositionsTest, WhatTheServerRemembersOutlivesARestartAlsoWhereNothingWasAcknowledgedYet) {
  positions_.Remember(one_, "d", Numbered<DefinitionHash>(1), absl::FromUnixSeconds(100));
  ASSERT_TRUE(positions_.Flush().ok());
  auto noted = AfterARestart();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].dataset, "d");
  EXPECT_FALSE(noted[0].position.has_value());
  positions_.Note(one_, At(1, 10), absl::FromUnixSeconds(200));
  ASSERT_TRUE(positions_.Flush().ok());
  noted = AfterARestart();
  EXPECT_EQ(noted.at(0).position, At(1, 10));
  EXPECT_TRUE(noted[0].server_remembers());
  positions_.LeaveToMember(one_, Numbered<DefinitionHash>(1));
  positions_.ForgetPosition(one_, Numbered<DefinitionHash>(1));
  ASSERT_TRUE(positions_.Flush().ok());
  noted = AfterARestart();
  EXPECT_FALSE(noted.at(0).server_remembers());
  EXPECT_FALSE(noted[0].position.has_value());
}

TEST_F(MemberPositionsTest, OfADatasetThatIsAlteredNothingIsRememberedOnceTheMemberAsksForIt) {
  positions_.Remember(one_, "d", Numbered<DefinitionHash>(1), absl::FromUnixSeconds(100));
  positions_.Note(one_, At(1, 10), absl::FromUnixSeconds(100));
  positions_.Remember(one_, "other", Numbered<DefinitionHash>(3), absl::FromUnixSeconds(100));
  ASSERT_NE(positions_.FindRemembered(one_, "d"), nullptr);
  positions_.Remember(one_, "d", Numbered<DefinitionHash>(2), absl::FromUnixSeconds(200));
  EXPECT_EQ(positions_.Find(one_, Numbered<DefinitionHash>(1)), nullptr);
  EXPECT_EQ(positions_.FindRemembered(one_, "d")->definition, Numbered<DefinitionHash>(2));
  EXPECT_FALSE(positions_.FindRemembered(one_, "d")->position.has_value());
  EXPECT_EQ(positions_.Of(one_).size(), 2u);
  EXPECT_EQ(positions_.FindRemembered(two_, "d"), nullptr);
}

TEST_F(MemberPositionsTest, WhatTheServerRemembersOfAStreamThatIsGoneStaysUntilTheMemberIsAwayForLong) {
  positions_.Remember(one_, "d", Numbered<DefinitionHash>(1), absl::FromUnixSeconds(100));
  positions_.KeepStreams({}, absl::FromUnixSeconds(100));
  EXPECT_EQ(positions_.All().size(), 1u);
  positions_.KeepStreams({}, absl::FromUnixSeconds(101));
  EXPECT_TRUE(positions_.All().empty());
}

}  // namespace
}  // namespace replicast
