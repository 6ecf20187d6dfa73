#include "server/route/table_router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/wire/row_hash.h"
#include "server/route/router.h"
#include "server/source/fake_source.h"

namespace replicast::route {
namespace {

class TableRouterTest : public ::testing::Test {
 protected:
  void Create(std::vector<TableInterest> interests) {
    absl::StatusOr<std::unique_ptr<TableRouter>> router = TableRouter::Create(relation_, std::move(interests));
    ASSERT_TRUE(router.ok()) << router.status();
    router_ = *std::move(router);
  }
  // "2+ 5-": an upsert for stream 2, a delete for 5.
  std::string Routed(const Row* row, const std::vector<store::RowIndex::Entry>& before) {
    router_->Route(row, before, &changes_);
    std::string text;
    for (const Change& change : changes_) text += std::to_string(change.stream) + (change.row != nullptr ? "+ " : "- ");
    return text;
  }
  Relation relation_ = FakeSource::MakeRelation("t", {{"id", "INTEGER"}, {"kind", "TEXT"}, {"n", "INTEGER"}}, {"id"});
  std::unique_ptr<TableRouter> router_;
  std::vector<Change> changes_;
};

TEST_F(TableRouterTest, SaysUpsertDeleteOrNothing) {
  Create({{5, 0, {0, 1, 2}, "n > 10"}, {2, 1, {0, 2}, ""}});
  Row row = {int64_t{1}, Text{"a"}, int64_t{11}};
  EXPECT_EQ(Routed(&row, {}), "2+ 5+ ");
  EXPECT_EQ(changes_[0].table, 1u);
  EXPECT_EQ(*changes_[0].row, (Row{int64_t{1}, int64_t{11}}));
  EXPECT_EQ(changes_[1].after, wire::HashRow("t", row));
  std::vector<store::RowIndex::Entry> had = {{2, changes_[0].after}, {5, changes_[1].after}};
  EXPECT_EQ(Routed(&row, had), "") << "the same row again";
  Row renamed = {int64_t{1}, Text{"b"}, int64_t{11}};
  EXPECT_EQ(Routed(&renamed, had), "5+ ") << "stream 2 doesn't publish that column";
  EXPECT_TRUE(changes_[0].was_in);
  EXPECT_EQ(changes_[0].before, had[1].hash);
  Row low = {int64_t{1}, Text{"a"}, int64_t{3}};
  EXPECT_EQ(Routed(&low, had), "2+ 5- ");
  EXPECT_EQ(Routed(nullptr, had), "2- 5- ");
  EXPECT_EQ(Routed(nullptr, {}), "");
  EXPECT_EQ(Routed(nullptr, {{3, Digest()}}), "") << "a stream that is gone";
}

TEST_F(TableRouterTest, AFilterTakesTheAnyOfAStrictTableAsItIs) {
  relation_ = FakeSource::MakeRelation("t", {{"id", "INTEGER"}, {"v", "ANY"}}, {"id"});
  const Row row = {int64_t{1}, Text{"5"}};
  Create({{2, 0, {0}, "v = '5'"}, {3, 0, {0}, "v = 5"}});
  EXPECT_EQ(Routed(&row, {}), "2+ 3+ ") << "a number there";
  relation_.strict = true;
  Create({{2, 0, {0}, "v = '5'"}, {3, 0, {0}, "v = 5"}});
  EXPECT_EQ(Routed(&row, {}), "2+ ");
}

TEST_F(TableRouterTest, AFilterIsRefusedForWhichACollationOfTheApplicationMatters) {
  relation_.columns[1].own_collation = "folded";
  for (const char* filter : {"kind > 'a'", "kind = 'a'"})
    EXPECT_EQ(ReasonOf(TableRouter::Create(relation_, {{2, 0, {0}, filter}}).status()), "FILTER_INVALID") << filter;
  EXPECT_TRUE(TableRouter::Create(relation_, {{2, 0, {0}, "n > 5"}}).ok());
}

TEST_F(TableRouterTest, LooksEqualityFiltersUp) {
  std::vector<TableInterest> interests;
  for (int64_t i = 0; i < 100; ++i) interests.push_back({i, 0, {0}, "kind = 'k" + std::to_string(i % 50) + "'"});
  for (int64_t i = 100; i < 200; ++i) interests.push_back({i, 0, {0}, "n = " + std::to_string(i)});
  Create(interests);
  Row row = {int64_t{1}, Text{"k7"}, int64_t{150}};
  EXPECT_EQ(Routed(&row, {}), "7+ 57+ 150+ ");
  row = {int64_t{1}, Value(), Real{120.0}};
  EXPECT_EQ(Routed(&row, {}), "120+ ") << "a real may equal an integer";
  row = {int64_t{1}, Blob{"k7"}, Value()};
  EXPECT_EQ(Routed(&row, {}), "") << "a blob is no text";
}

TEST_F(TableRouterTest, AnErrorInAFilterLeavesTheRowOut) {
  Create({{1, 0, {0}, "abs(n) > 1"}});
  Row row = {int64_t{1}, Text{"a"}, std::numeric_limits<int64_t>::min()};
  EXPECT_EQ(Routed(&row, {}), "");
  EXPECT_EQ(router_->filter_errors(), 1u);
  EXPECT_FALSE(TableRouter::Create(relation_, {{1, 0, {0}, "n >"}}).ok());
}

TEST_F(TableRouterTest, TheRouterKnowsWhichRelationsAreWanted) {
  Router router;
  relation_.id = 9;
  ASSERT_TRUE(router.Add(relation_, {{1, 0, {0}, ""}}).ok());
  EXPECT_TRUE(router.Wants(9));
  EXPECT_FALSE(router.Wants(8));
  Row row = {int64_t{1}, Text{"a"}, int64_t{1}};
  router.Route(8, &row, {}, &changes_);
  EXPECT_TRUE(changes_.empty());
  router.Route(9, &row, {}, &changes_);
  EXPECT_EQ(changes_.size(), 1u);
}

}  // namespace
}  // namespace replicast::route
