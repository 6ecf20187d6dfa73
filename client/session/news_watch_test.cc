#include "client/session/news_watch.h"

#include <gtest/gtest.h>

#include "common/base/numbered.h"

namespace replicast {
namespace {

const absl::Time kHere = absl::FromUnixSeconds(1000);
// The master's clock is two hours off.
const absl::Time kThere = kHere + absl::Hours(2);

class NewsWatchTest : public testing::Test {
 protected:
  NewsWatchTest() { watch_.Restart(kHere); }
  // What the master said at `there`, come in at `here`; both seconds from the start.
  void Hear(int there, int here, uint64_t lsn = 1) {
    watch_.Step(history_, Lsn{lsn}, kThere + absl::Seconds(there), kHere + absl::Seconds(here));
  }
  bool WithheldAt(int here) { return watch_.withheld(kHere + absl::Seconds(here)); }
  HistoryId history_ = Numbered<HistoryId>(1);
  NewsWatch watch_;
};

TEST_F(NewsWatchTest, NewsEveryTenSecondsAreAllThatIsPromised) {
  for (int at = 0; at <= 100; at += 10) Hear(at, at);
  EXPECT_FALSE(WithheldAt(124));
  EXPECT_TRUE(WithheldAt(125));
}

TEST_F(NewsWatchTest, TheSameNewsAgainAreNone) {
  Hear(0, 0);
  Hear(0, 20);
  EXPECT_TRUE(WithheldAt(25));
}

TEST_F(NewsWatchTest, NewsThatComeEverLaterAreWithheld) {
  int here = 0;
  for (int there = 0; there <= 20; there += 2, here += 4) Hear(there, here);
  EXPECT_FALSE(WithheldAt(44));
  for (int there = 22; there <= 30; there += 2, here += 4) Hear(there, here);
  EXPECT_TRUE(WithheldAt(here));
}

TEST_F(NewsWatchTest, AClockThatDriftsForAMonthIsNoReasonForDoubt) {
  constexpr int kMonth = 30 * 24 * 3600;
  // This machine's goes 100 ppm faster.
  for (int at = 0; at < kMonth; at += 10) {
    watch_.Step(history_, Lsn{1}, kThere + absl::Seconds(at), kHere + absl::Seconds(at) * 1.0001);
    ASSERT_FALSE(watch_.withheld(kHere + absl::Seconds(at + 10) * 1.0001)) << at;
  }
  EXPECT_TRUE(watch_.withheld(kHere + absl::Seconds(kMonth + 25) * 1.0001));
}

TEST_F(NewsWatchTest, AMastersClockThatIsSetBackIsNoOldNews) {
  Hear(0, 0, 1);
  Hear(-3600, 10, 2);
  EXPECT_FALSE(WithheldAt(30));
  Hear(-3590, 20, 3);
  EXPECT_FALSE(WithheldAt(44));
  EXPECT_TRUE(WithheldAt(45));
}

// A master restored from a backup, whose clock was ahead before and is right now.
TEST_F(NewsWatchTest, AHistoryThatStandsLowerIsNoOldNews) {
  Hear(0, 0, 5);
  history_ = Numbered<HistoryId>(2);
  Hear(-3600, 10, 3);
  EXPECT_FALSE(WithheldAt(34));
  EXPECT_TRUE(WithheldAt(35));
}

TEST_F(NewsWatchTest, AnOldBoundaryIsNoClockThatWasSetBack) {
  Hear(0, 0, 5);
  Hear(-3600, 10, 5);
  EXPECT_TRUE(WithheldAt(25));
}

TEST_F(NewsWatchTest, AnotherServerGetsItsTime) {
  Hear(0, 0);
  watch_.Restart(kHere + absl::Seconds(40));
  EXPECT_FALSE(WithheldAt(64));
  EXPECT_TRUE(WithheldAt(65));
}

TEST_F(NewsWatchTest, WhoIsNotMeantToHearAnythingMissesNothing) {
  Hear(0, 0);
  watch_.Stop();
  EXPECT_FALSE(WithheldAt(1000));
}

}  // namespace
}  // namespace replicast
