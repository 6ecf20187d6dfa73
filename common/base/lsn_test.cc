#include "common/base/lsn.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

TEST(LsnTest, ShowsTheRevisionOnlyWhereThereIsOne) {
  EXPECT_EQ(Lsn::Of(812, 0).ToText(), "812");
  EXPECT_EQ(Lsn::Of(812, 3).ToText(), "812.3");
  EXPECT_EQ(Lsn{}.ToText(), "0");
}

TEST(LsnTest, ReadsWhatItShows) {
  for (const Lsn lsn : {Lsn{}, Lsn::Of(812, 0), Lsn::Of(812, 3), Lsn::Of((uint64_t{1} << 48) - 1, 0xffff)}) {
    EXPECT_EQ(Lsn::FromText(lsn.ToText()), lsn) << lsn.ToText();
  }
}

TEST(LsnTest, RefusesOtherText) {
  for (const char* text : {"", ".", "1.", ".1", "-1", "+1", " 1", "1 ", "0x10", "1.2.3", "1.65536", "281474976710656",
                           "99999999999999999999999", "a"}) {
    EXPECT_FALSE(Lsn::FromText(text).has_value()) << text;
  }
}

TEST(LsnTest, OrdersByNumberThenRevision) {
  EXPECT_LT(Lsn::Of(1, 9), Lsn::Of(2, 0));
  EXPECT_LT(Lsn::Of(2, 0), Lsn::Of(2, 1));
  EXPECT_EQ(Lsn::Of(5, 6).number(), 5u);
  EXPECT_EQ(Lsn::Of(5, 6).revision(), 6u);
}

TEST(IdentifierTest, TakesExactlyItsSize) {
  const std::string raw = "0123456789abcdef";
  const auto id = HistoryId::FromBytes(raw);
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->ToBytes(), raw);
  EXPECT_FALSE(HistoryId::FromBytes(raw + "x").has_value());
  EXPECT_FALSE(HistoryId::FromBytes("").has_value());
}

TEST(IdentifierTest, IsEmptyUntilItNamesSomething) {
  EXPECT_TRUE(KeyId{}.empty());
  EXPECT_EQ(KeyId{}.ToHex(), std::string(32, '0'));
  KeyId id;
  id.bytes[15] = 0xfe;
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(id.ToHex(), std::string(30, '0') + "fe");
}

TEST(PositionTest, ShowsHistoryAndLsn) {
  Position position;
  position.history.bytes[0] = 0xab;
  position.lsn = Lsn::Of(812, 3);
  EXPECT_EQ(position.ToText(), "ab" + std::string(30, '0') + "/812.3");
}

}  // namespace
}  // namespace replicast
