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
  EXPECT_TRUE(order.Missing().empty());
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

TEST(SymbolOrderTest, WhatWasDeliveredOrIsKeptIsADuplicate) {
  SymbolOrder order;
  order.OnHint(0);
  order.Add(Piece(1, true, true, "delivered"));
  order.Add(Piece(3, true, true, "kept"));
  EXPECT_EQ(order.Add(Piece(1, true, true, "again")), SymbolOrder::Result::kDuplicate);
  EXPECT_EQ(order.Add(Piece(3, true, true, "again")), SymbolOrder::Result::kDuplicate);
  EXPECT_EQ(order.Add(Piece(2, true, true, "between")), SymbolOrder::Result::kKept);
  EXPECT_EQ(order.TakeMessages(), (std::vector<std::string>{"delivered", "between", "kept"}));
}

TEST(SymbolOrderTest, TheEndOfAMessageWhoseBeginningWasSentBeforeItBeganIsDropped) {
  SymbolOrder order;
  order.OnHint(4);
  EXPECT_EQ(order.Add(Piece(5, false, true, "end of the one before")), SymbolOrder::Result::kKept);
  order.Add(Piece(6, true, true, "whole"));
  EXPECT_EQ(order.TakeMessages(), std::vector<std::string>{"whole"});
}

TEST(SymbolOrderTest, AHintOfWhatIsKnownChangesNothing) {
  SymbolOrder order;
  order.OnHint(0);
  order.Add(Piece(1, true, true, "x"));
  order.Add(Piece(4, true, true, "x"));
  for (const uint64_t known : {0, 1, 3, 4}) order.OnHint(known);
  EXPECT_EQ(order.Missing(), (std::vector<SymbolSpan>{{2, 3}}));
  EXPECT_EQ(order.missing(), 2u);
  EXPECT_EQ(order.expected(), 4u);
}

TEST(SymbolOrderTest, NamesNoMoreThanOneRepairMayCarry) {
  SymbolOrder symbols;
  symbols.OnHint(0);
  symbols.Add(Piece(301, true, true, "x"));
  symbols.OnHint(2000);
  EXPECT_EQ(symbols.Missing(), (std::vector<SymbolSpan>{{1, 300}, {302, 301 + limits::kMaxRepairSymbols - 300}}));
  symbols.Add(Piece(1500, true, true, "x"));
  EXPECT_EQ(symbols.Missing(), (std::vector<SymbolSpan>{{1, 300}, {302, 301 + limits::kMaxRepairSymbols - 300}}));
  SymbolOrder ranges;
  ranges.OnHint(0);
  for (uint64_t number = 2; number <= 4 * limits::kMaxRepairRanges; number += 2)
    ranges.Add(Piece(number, true, true, "x"));
  ASSERT_EQ(ranges.Missing().size(), limits::kMaxRepairRanges);
  EXPECT_EQ(ranges.Missing().front(), (SymbolSpan{1, 1}));
}

TEST(SymbolOrderTest, StartsAnewWhenOnlyImplausibleNumbersCome) {
  for (const uint64_t number : {uint64_t{1} << 40, uint64_t{5}}) {
    SymbolOrder order;
    order.OnHint(1'000'000);
    ASSERT_TRUE(order.TakeBegan());
    for (int i = 0; i < 63; ++i) ASSERT_EQ(order.Add(Piece(number, true, true, "stray")), SymbolOrder::Result::kTooFar);
    order.Add(Piece(1'000'001, true, true, "plausible"));
    for (int i = 0; i < 64; ++i) ASSERT_EQ(order.Add(Piece(number, true, true, "stray")), SymbolOrder::Result::kTooFar);
    EXPECT_FALSE(order.TakeBegan());
    EXPECT_EQ(order.Add(Piece(number, true, true, "anew")), SymbolOrder::Result::kKept);
    EXPECT_TRUE(order.TakeBegan());
    EXPECT_EQ(order.TakeMessages(), (std::vector<std::string>{"plausible", "anew"}));
  }
}

TEST(SymbolOrderTest, GivesUpAGapByItselfWhenTooManyBytesAreKept) {
  SymbolOrder order;
  order.OnHint(0);
  const std::string data(1 << 20, 'x');
  uint64_t number = 1;
  while (!order.crowded()) order.Add(Piece(++number, true, true, data));
  EXPECT_TRUE(order.TakeMessages().empty());
  while (order.has_gap()) order.Add(Piece(++number, true, true, data));
  EXPECT_EQ(number - 1, limits::kReorderBytes / data.size() + 1);
  EXPECT_EQ(order.TakeMessages().size(), number - 1) << "nothing but the missing one is lost";
  EXPECT_FALSE(order.crowded());
}

TEST(SymbolOrderTest, GivesUpAlsoWhatItHasNothingOf) {
  SymbolOrder hinted;
  hinted.OnHint(0);
  hinted.OnHint(3);
  hinted.SkipGaps();
  EXPECT_FALSE(hinted.has_gap());
  hinted.Add(Piece(4, true, true, "next"));
  EXPECT_EQ(hinted.TakeMessages(), std::vector<std::string>{"next"});
  SymbolOrder middles;
  middles.OnHint(0);
  middles.Add(Piece(2, false, false, "middle"));
  middles.Add(Piece(3, false, false, "middle"));
  middles.SkipGaps();
  EXPECT_FALSE(middles.has_gap());
  middles.Add(Piece(4, false, true, "end"));
  middles.Add(Piece(5, true, true, "next"));
  EXPECT_EQ(middles.TakeMessages(), std::vector<std::string>{"next"});
}

}  // namespace
}  // namespace replicast::delivery
