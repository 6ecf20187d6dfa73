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
