#include "client/session/stop_position.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/base/numbered.h"

namespace replicast {
namespace {

const HistoryId kOne = Numbered<HistoryId>(1), kTwo = Numbered<HistoryId>(2);

Position At(const HistoryId& history, uint64_t number) {
  return {history, Numbered<DefinitionHash>(9), Lsn::Of(number, 0)};
}

v1::UnitHeader Unit(const HistoryId& history, uint64_t prev, uint64_t last) {
  v1::UnitHeader header;
  header.set_kind(v1::UNIT_KIND_CHANGES);
  header.set_history_id(history.ToBytes());
  header.set_prev_lsn(Lsn::Of(prev, 0).value);
  header.set_last_lsn(Lsn::Of(last, 0).value);
  return header;
}

v1::UnitHeader Over(const HistoryId& from, uint64_t until, const HistoryId& to, uint64_t last) {
  v1::UnitHeader header = Unit(to, until, last);
  header.set_kind(v1::UNIT_KIND_HISTORY);
  header.set_prev_history_id(from.ToBytes());
  header.set_until_lsn(Lsn::Of(until, 0).value);
  return header;
}

TEST(StopPositionTest, APositionIsAnLsnWithOrWithoutItsHistory) {
  EXPECT_EQ(ParseUntil("812")->lsn, Lsn::Of(812, 0));
  EXPECT_FALSE(ParseUntil("812.3")->history.has_value());
  EXPECT_EQ(ParseUntil(kOne.ToHex() + "/812.3")->history, kOne);
  EXPECT_EQ(ParseUntil(kOne.ToHex() + "/812.3")->lsn, Lsn::Of(812, 3));
  for (const char* wrong : {"", "/", "x", "12/", "12/12", "-1", "/812"}) EXPECT_FALSE(ParseUntil(wrong)) << wrong;
}

TEST(StopPositionTest, WithoutOneEverythingIsTaken) {
  StopPosition stop(std::nullopt);
  EXPECT_TRUE(stop.Begin(std::nullopt, At(kOne, 5)).ok());
  EXPECT_FALSE(stop.Judge(Unit(kOne, 1, 1000)).has_value());
  EXPECT_TRUE(stop.CheckSnapshot(Lsn::Of(99, 0)).ok());
  EXPECT_FALSE(stop.Reached(At(kOne, 1000)));
}

TEST(StopPositionTest, TheUnitThatGoesBeyondIsNotTakenAndThenItIsReached) {
  StopPosition stop(ParseUntil("10"));
  ASSERT_TRUE(stop.Begin(At(kOne, 5), At(kOne, 20)).ok());
  EXPECT_FALSE(stop.Judge(Unit(kOne, 5, 9)).has_value());
  EXPECT_FALSE(stop.Judge(Unit(kOne, 9, 10)).has_value());
  EXPECT_EQ(stop.Judge(Unit(kOne, 9, 11)), absl::OkStatus());
  EXPECT_FALSE(stop.Reached(At(kOne, 9)));
  EXPECT_TRUE(stop.Reached(At(kOne, 10)));
}

TEST(StopPositionTest, ItDoesNotGoBack) {
  StopPosition stop(ParseUntil("10"));
  EXPECT_EQ(ReasonOf(stop.Begin(At(kOne, 11), At(kOne, 20))), "UNTIL_PASSED");
  EXPECT_EQ(ReasonOf(stop.CheckSnapshot(Lsn::Of(11, 0))), "UNTIL_PASSED");
  EXPECT_TRUE(stop.CheckSnapshot(Lsn::Of(10, 0)).ok());
}

TEST(StopPositionTest, APositionOfAHistoryThatNeitherReplicaNorServerHaveIsRefused) {
  StopPosition stop(ParseUntil(kTwo.ToHex() + "/10"));
  EXPECT_EQ(ReasonOf(stop.Begin(At(kOne, 5), At(kOne, 20))), "UNTIL_UNKNOWN");
}

TEST(StopPositionTest, AHistoryThatEndsBeforeThePositionIsAnErrorOneThatHeldItIsNot) {
  StopPosition stop(ParseUntil(kOne.ToHex() + "/10"));
  ASSERT_TRUE(stop.Begin(At(kOne, 5), At(kTwo, 20)).ok());
  EXPECT_EQ(ReasonOf(*stop.Judge(Over(kOne, 8, kTwo, 9))), "UNTIL_UNKNOWN");
  EXPECT_EQ(stop.Judge(Over(kOne, 12, kTwo, 13)), absl::OkStatus());
}

TEST(StopPositionTest, AHistoryUnitThatLeadsTowardsThePositionIsTaken) {
  StopPosition stop(ParseUntil(kTwo.ToHex() + "/10"));
  ASSERT_TRUE(stop.Begin(At(kOne, 5), At(kTwo, 20)).ok());
  EXPECT_FALSE(stop.Judge(Over(kOne, 6, kTwo, 7)).has_value());
  EXPECT_FALSE(stop.Reached(At(kOne, 10)));
}

}  // namespace
}  // namespace replicast
