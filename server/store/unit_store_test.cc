#include "server/store/unit_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "server/store/state_tables.h"

namespace replicast::store {
namespace {

HistoryId History(uint8_t number) {
  HistoryId history;
  history.bytes[0] = number;
  return history;
}

class UnitStoreTest : public ::testing::Test {
 protected:
  UnitStoreTest() { EXPECT_TRUE(InstallStateTables(*database_).ok()); }
  void Add(int64_t stream, uint8_t prev_history, uint8_t history, uint64_t prev, uint64_t last, uint64_t until = 0,
           uint64_t bytes = 10) {
    StoredUnit unit;
    unit.serial = ++serial_;
    unit.stream = stream;
    unit.prev_history = History(prev_history);
    unit.history = History(history);
    unit.prev.value = prev;
    unit.last.value = last;
    unit.until.value = until;
    unit.parts = 1;
    unit.bytes = bytes;
    unit.before = {{Digest(), serial_}};
    ASSERT_TRUE(units_.AddPart(serial_, 1, std::string(10, 'p')).ok());
    ASSERT_TRUE(units_.Add(unit).ok());
  }
  uint64_t Behind(int64_t stream, uint8_t history, uint64_t lsn) {
    absl::StatusOr<std::optional<StoredUnit>> unit = units_.Behind(stream, History(history), Lsn{lsn});
    EXPECT_TRUE(unit.ok());
    return unit->has_value() ? (*unit)->serial : 0;
  }

  std::unique_ptr<sqlite::Database> database_ = *sqlite::Database::Open(":memory:", {.create = true});
  Statements statements_{*database_};
  UnitStore units_{statements_};
  uint64_t serial_ = 0;
};

TEST_F(UnitStoreTest, FindsTheUnitThatLeadsOn) {
  Add(1, 1, 1, 10, 20);
  Add(2, 1, 1, 10, 25);
  Add(1, 1, 1, 20, 30);
  Add(1, 1, 2, 30, 30, 35);  // a history unit
  Add(1, 2, 2, 30, 40);
  EXPECT_EQ(Behind(1, 1, 10), 1u);
  EXPECT_EQ(Behind(1, 1, 19), 1u) << "also from within its span";
  EXPECT_EQ(Behind(1, 1, 20), 3u);
  EXPECT_EQ(Behind(1, 1, 30), 4u);
  EXPECT_EQ(Behind(1, 1, 34), 4u);
  EXPECT_EQ(Behind(1, 2, 30), 5u);
  EXPECT_EQ(Behind(1, 2, 40), 0u);
  EXPECT_EQ(Behind(2, 1, 25), 0u);
  EXPECT_EQ(Behind(1, 9, 0), 0u);
}

TEST_F(UnitStoreTest, KeepsEveryFieldOfAUnit) {
  Add(1, 1, 2, 30, 31, 35);
  absl::StatusOr<std::optional<StoredUnit>> unit = units_.Get(1);
  ASSERT_TRUE(unit.ok() && unit->has_value());
  EXPECT_TRUE((*unit)->leads_over());
  EXPECT_EQ((*unit)->until.value, 35u);
  EXPECT_EQ((*unit)->before, (std::vector<TableState>{{Digest(), 1}}));
  EXPECT_EQ(*units_.Part(1, 1), std::string(10, 'p'));
  EXPECT_EQ(ReasonOf(units_.Part(1, 2).status()), "DATABASE_CORRUPT");
}

TEST_F(UnitStoreTest, TrimsTheOldestButNothingThatMustStay) {
  for (uint64_t i = 0; i < 10; ++i) Add(1, 1, 1, i, i + 1);
  ASSERT_TRUE(units_.Trim(45, 3).ok());
  EXPECT_EQ(units_.bytes(), 70u) << "units above 3 stay whatever the bound";
  ASSERT_TRUE(units_.Trim(45, 9).ok());
  EXPECT_EQ(units_.bytes(), 40u);
  EXPECT_EQ((*units_.Oldest(1))->serial, 7u);
  EXPECT_EQ(database_->QueryValue("SELECT count(*) FROM unit_parts")->value(), Value(int64_t{4}));
  UnitStore again(statements_);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.bytes(1), 40u);
}

TEST_F(UnitStoreTest, WhatSomebodyIsGoingToAskForGoesLastAndTheBoundIsHardAllTheSame) {
  for (uint64_t i = 0; i < 5; ++i) {
    Add(1, 1, 1, i, i + 1);
    Add(2, 1, 1, i, i + 1);
  }
  // Of stream 1 serials 1, 3, 5, 7, 9: held from 3 on.
  ASSERT_TRUE(units_.Trim(70, 9, {{1, 3}}).ok());
  EXPECT_EQ((*units_.Oldest(1))->serial, 3u);
  EXPECT_EQ((*units_.Oldest(2))->serial, 6u) << "the next that nobody waits for";
  ASSERT_TRUE(units_.Trim(50, 9, {{1, 3}}).ok());
  EXPECT_EQ((*units_.Oldest(1))->serial, 3u);
  EXPECT_EQ((*units_.Oldest(2))->serial, 10u) << "nothing above 9 goes";
  ASSERT_TRUE(units_.Trim(30, 9, {{1, 3}}).ok());
  EXPECT_EQ((*units_.Oldest(1))->serial, 5u) << "no room for what is held";
  EXPECT_EQ(units_.bytes(), 40u) << "10 is not held, and may go later: it is not what is held that gives way to it";
  ASSERT_TRUE(units_.Trim(30, 10, {{1, 3}}).ok());
  EXPECT_EQ((*units_.Oldest(1))->serial, 5u);
  EXPECT_EQ(units_.bytes(), 30u);
}

TEST_F(UnitStoreTest, RemovesAStreamBitByBit) {
  for (uint64_t i = 0; i < 5; ++i) Add(1, 1, 1, i, i + 1);
  Add(2, 1, 1, 0, 9);
  EXPECT_FALSE(*units_.RemoveSome(1, 3));
  EXPECT_TRUE(*units_.RemoveSome(1, 3));
  EXPECT_EQ(units_.bytes(), 10u);
  EXPECT_EQ(units_.bytes(1), 0u);
}

TEST_F(UnitStoreTest, TellsAboutHowMuchStandsFromAUnitOnAlsoAfterARestartAndWhileItIsTrimmed) {
  constexpr uint64_t kUnit = 256 << 10, kExact = 1 << 20;
  for (int i = 0; i < 40; ++i) Add(1, 1, 1, 10 + i, 11 + i, 0, kUnit);
  const auto off = [&](uint64_t serial) {
    const auto told = static_cast<int64_t>(units_.BytesFrom(serial)),
               exact = static_cast<int64_t>((41 - serial) * kUnit);
    return static_cast<uint64_t>(std::abs(told - exact));
  };
  EXPECT_EQ(units_.BytesFrom(1), units_.bytes());
  for (const uint64_t serial : {1, 7, 20, 39}) EXPECT_LT(off(serial), kExact) << serial;
  ASSERT_TRUE(units_.Trim(30 * kUnit, 40).ok());
  EXPECT_EQ(units_.BytesFrom(1), 30 * kUnit) << "what is gone does not count";
  for (const uint64_t serial : {11, 20, 39}) EXPECT_LT(off(serial), kExact) << serial;
  ASSERT_TRUE(units_.Load().ok());
  for (const uint64_t serial : {11, 20, 39}) EXPECT_LT(off(serial), kExact) << serial;
}

}  // namespace
}  // namespace replicast::store
