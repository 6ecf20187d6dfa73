#include "common/delivery/symbol_order.h"

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace replicast::delivery {
namespace {

v1::Symbol Piece(uint64_t number, bool first, bool last, std::string data) {
  v1::Symbol symbol;
  symbol.set_number(number);
  symbol.set_first(first);
  symbol.set_last(last);
  symbol.set_data(std::move(data));
  return symbol;
}

TEST(SymbolOrderTest, BeginsAtAFirstFlag) {
  SymbolOrder order;
  EXPECT_EQ(order.Add(Piece(5, false, true, "tail")), SymbolOrder::Result::kDuplicate);
  order.Add(Piece(6, true, true, "whole"));
  EXPECT_EQ(order.TakeMessages(), std::vector<std::string>{"whole"});
  EXPECT_TRUE(order.TakeBegan());
}

TEST(SymbolOrderTest, NamesExactlyWhatIsMissing) {
  SymbolOrder order;
  order.OnHint(0);
  for (const uint64_t number : {1, 4, 5, 8}) order.Add(Piece(number, true, true, "x"));
  order.OnHint(10);
  EXPECT_EQ(order.Missing(), (std::vector<SymbolSpan>{{2, 3}, {6, 7}, {9, 10}}));
  EXPECT_EQ(order.missing(), 6u);
  EXPECT_EQ(order.expected(), 10u);
}

TEST(SymbolOrderTest, AMessageThatGrowsBeyondTheLimitIsDropped) {
  SymbolOrder order;
  order.OnHint(0);
  const std::string piece(limits::kMaxFrameSize, 'x');
  uint64_t number = 0;
  order.Add(Piece(++number, true, false, piece));
  while (number * piece.size() <= limits::kMaxSignedPartBytes) order.Add(Piece(++number, false, false, piece));
  order.Add(Piece(++number, false, true, "end"));
  EXPECT_TRUE(order.TakeMessages().empty());
  order.Add(Piece(++number, true, true, "next"));
  EXPECT_EQ(order.TakeMessages(), std::vector<std::string>{"next"});
}

TEST(SymbolOrderTest, KeepsTheNewestWhenItGivesUp) {
  SymbolOrder order;
  order.OnHint(0);
  order.Add(Piece(2, true, true, "old"));
  order.Add(Piece(4, false, true, "half"));
  order.Add(Piece(5, true, true, "new"));
  order.SkipGaps();
  EXPECT_EQ(order.TakeMessages(), std::vector<std::string>{"new"});
  EXPECT_FALSE(order.has_gap());
}

TEST(SymbolOrderTest, ANumberForgedAheadIsLeftWhenTheSenderSaysAgainThatItHasNotComeSoFar) {
  SymbolOrder order;
  order.OnHint(10);
  EXPECT_TRUE(order.TakeBegan());
  order.Add(Piece(5000, true, true, "forged"));
  order.SkipGaps();  // nobody could repair what was never sent
  EXPECT_EQ(order.TakeMessages(), std::vector<std::string>{"forged"});
  order.Add(Piece(11, true, true, "taken for old"));
  EXPECT_TRUE(order.TakeMessages().empty());
  for (int i = 0; i < 4; ++i) order.OnHint(11);
  order.OnHint(11);
  EXPECT_TRUE(order.TakeBegan());
  order.Add(Piece(12, true, true, "heard"));
  EXPECT_EQ(order.TakeMessages(), std::vector<std::string>{"heard"});
}

TEST(SymbolOrderTest, AHeartbeatThatSymbolsOvertookChangesNothing) {
  SymbolOrder order;
  order.OnHint(10);
  order.TakeBegan();
  order.Add(Piece(11, true, true, "one"));
  order.Add(Piece(12, true, true, "two"));
  for (int i = 0; i < 20; ++i) {
    order.OnHint(10);
    order.OnHint(12);
  }
  EXPECT_FALSE(order.TakeBegan());
  order.Add(Piece(13, true, true, "three"));
  EXPECT_EQ(order.TakeMessages(), (std::vector<std::string>{"one", "two", "three"}));
}

TEST(SymbolOrderTest, AHintFarAheadMovesNothing) {
  SymbolOrder order;
  order.OnHint(0);
  order.OnHint(uint64_t{1} << 60);
  EXPECT_FALSE(order.has_gap());
  order.Add(Piece(1, true, true, "x"));
  EXPECT_EQ(order.TakeMessages().size(), 1u);
}

}  // namespace
}  // namespace replicast::delivery
