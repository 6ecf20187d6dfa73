#include "server/membership/grants.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace replicast {
namespace {

class GrantsTest : public testing::Test {
 protected:
  SeededRandom random_{1};
  const MemberId member_ = random_.Identifier<MemberId>(), other_ = random_.Identifier<MemberId>();
  const DefinitionHash stream_ = random_.Identifier<DefinitionHash>();
  const absl::Time start_ = absl::FromUnixSeconds(1000);
  Grants grants_{absl::Minutes(5)};
};

TEST_F(GrantsTest, AMemberJoinsAStreamOnce) {
  EXPECT_TRUE(grants_.Add(member_, stream_, start_));
  EXPECT_FALSE(grants_.Add(member_, stream_, start_));
  EXPECT_TRUE(grants_.Holds(member_, stream_));
  EXPECT_FALSE(grants_.Holds(other_, stream_));
}

TEST_F(GrantsTest, CountsByWhichWayMembersFollowAndForgetsItWithTheGrant) {
  const Grants::Way multicast, chosen{v1::TRANSPORT_UNICAST, v1::UNICAST_REASON_CHOSEN};
  grants_.SetWay(member_, stream_, chosen);
  EXPECT_TRUE(grants_.Ways().empty()) << "it holds no grant";
  grants_.Add(member_, stream_, start_);
  grants_.Add(other_, stream_, start_);
  EXPECT_EQ(grants_.Ways().at(stream_), (std::map<Grants::Way, uint32_t>{{multicast, 2}}));
  grants_.SetWay(member_, stream_, chosen);
  EXPECT_EQ(grants_.Ways().at(stream_), (std::map<Grants::Way, uint32_t>{{multicast, 1}, {chosen, 1}}));
  EXPECT_EQ(grants_.WayOf(member_, stream_), chosen);
  grants_.Add(member_, stream_, start_ + absl::Minutes(1));
  EXPECT_EQ(grants_.WayOf(member_, stream_), chosen) << "a grant anew changes nothing";
  grants_.Remove(member_, stream_);
  EXPECT_EQ(grants_.Ways().at(stream_), (std::map<Grants::Way, uint32_t>{{multicast, 1}}));
  EXPECT_FALSE(grants_.WayOf(member_, stream_).has_value());
}

TEST_F(GrantsTest, SilenceEndsAGrantOnce) {
  grants_.Add(member_, stream_, start_);
  EXPECT_TRUE(grants_.TakeExpired(start_ + absl::Minutes(4)).empty());
  const auto expired = grants_.TakeExpired(start_ + absl::Minutes(5));
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].first, member_);
  EXPECT_TRUE(grants_.TakeExpired(start_ + absl::Minutes(6)).empty());
  EXPECT_FALSE(grants_.Holds(member_, stream_));
}

TEST_F(GrantsTest, WhoSpeaksKeepsItsGrants) {
  grants_.Add(member_, stream_, start_);
  grants_.Heard(member_, start_ + absl::Minutes(4));
  EXPECT_TRUE(grants_.TakeExpired(start_ + absl::Minutes(8)).empty());
}

TEST_F(GrantsTest, LeavingAndRevocationEndThemAtOnce) {
  grants_.Add(member_, stream_, start_);
  grants_.Add(other_, stream_, start_);
  EXPECT_TRUE(grants_.Remove(member_, stream_));
  EXPECT_FALSE(grants_.Remove(member_, stream_));
  grants_.RemoveMember(other_);
  EXPECT_FALSE(grants_.Holds(other_, stream_));
}

}  // namespace
}  // namespace replicast
