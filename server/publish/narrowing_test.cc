#include "server/publish/narrowing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/errors.h"

namespace replicast::publish {
namespace {

v1::TableDefinition Table(const std::string& name, const std::vector<std::string>& columns, const std::string& filter) {
  v1::TableDefinition table;
  table.set_name(name);
  for (const std::string& column : columns) table.add_columns(column);
  table.set_filter(filter);
  return table;
}

v1::Definition Of(const v1::TableDefinition& table) {
  v1::Definition definition;
  *definition.add_tables() = table;
  return definition;
}

// A dataset of orders(id, shop) for which total > 10: total itself is not published.
class NarrowingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    v1::TableSchema* table = schema_.add_tables();
    table->set_name("orders");
    for (const char* name : {"id", "shop"}) table->add_columns()->set_name(name);
    table->mutable_columns(0)->set_type("INTEGER");
    table->add_key_columns(0);
  }
  absl::StatusOr<v1::Definition> Wanted(const v1::TableDefinition& table) {
    return Narrow(dataset_, schema_, Of(table));
  }

  const v1::Definition dataset_ = Of(Table("orders", {"id", "shop"}, "total > 10"));
  v1::DatasetSchema schema_;
};

TEST_F(NarrowingTest, RowsAreThoseOfBothFilters) {
  const auto narrowed = Wanted(Table("ORDERS", {"id"}, "shop = 17"));
  ASSERT_TRUE(narrowed.ok()) << narrowed.status();
  ASSERT_EQ(narrowed->tables_size(), 1);
  EXPECT_EQ(narrowed->tables(0).filter(), "(total > 10) AND (shop = 17)");
  EXPECT_EQ(narrowed->tables(0).columns_size(), 1);
}

TEST_F(NarrowingTest, ColumnsThatTheDatasetHidesAreNeitherShownNorAskedAbout) {
  EXPECT_EQ(ReasonOf(Wanted(Table("orders", {"id", "total"}, "")).status()), "NARROWING_INVALID");
  EXPECT_EQ(ReasonOf(Wanted(Table("orders", {}, "total > 1000")).status()), "FILTER_INVALID");
  EXPECT_EQ(ReasonOf(Wanted(Table("orders", {}, "1) OR (1")).status()), "FILTER_INVALID");
}

TEST_F(NarrowingTest, TablesThatTheDatasetDoesNotHoldAreRefused) {
  EXPECT_EQ(ReasonOf(Wanted(Table("salaries", {}, "")).status()), "NARROWING_INVALID");
  v1::Definition everything;
  everything.set_all_tables(true);
  EXPECT_EQ(ReasonOf(Narrow(dataset_, schema_, everything).status()), "NARROWING_INVALID");
}

TEST_F(NarrowingTest, OfAWholeDatabaseAnyTableCanBeWanted) {
  v1::Definition whole;
  whole.set_all_tables(true);
  const auto narrowed = Narrow(whole, schema_, Of(Table("orders", {"*"}, "shop = 17")));
  ASSERT_TRUE(narrowed.ok()) << narrowed.status();
  EXPECT_FALSE(narrowed->all_tables());
  EXPECT_EQ(narrowed->tables(0).filter(), "shop = 17");
}

}  // namespace
}  // namespace replicast::publish
