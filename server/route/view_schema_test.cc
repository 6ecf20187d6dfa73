#include "server/route/view_schema.h"

#include <gmock/gmock.h>

#include "common/base/limits.h"

namespace replicast::route {
namespace {

using ::testing::ElementsAre;

v1::TableSchema Table(const std::string& name, std::initializer_list<const char*> columns) {
  v1::TableSchema table;
  table.set_name(name);
  for (const char* column : columns) table.add_columns()->set_name(column);
  table.mutable_columns(0)->set_key_part(1);
  table.add_key_columns(0);
  table.add_key_collations("BINARY");
  return table;
}

class ViewSchemaTest : public testing::Test {
 protected:
  ViewSchemaTest() {
    *schema_.add_tables() = Table("orders", {"id", "amount"});
    *schema_.add_tables() = Table("shops", {"id", "town"});
  }
  std::vector<std::string> Names(const std::vector<View>& views) {
    EXPECT_TRUE(AddViews(views, &schema_).ok());
    std::vector<std::string> names;
    for (const v1::ViewSchema& view : schema_.views()) names.push_back(view.name());
    return names;
  }
  v1::DatasetSchema schema_;
};

TEST_F(ViewSchemaTest, AViewOfPublishedTablesGoesAlongWithItsText) {
  const std::string sql =
      "CREATE VIEW totals AS SELECT town, sum(amount) AS total FROM orders JOIN shops GROUP BY town";
  EXPECT_THAT(Names({{"totals", {"town", "total"}, sql}}), ElementsAre("totals"));
  EXPECT_EQ(schema_.views(0).sql(), sql);
}

TEST_F(ViewSchemaTest, AViewOfAViewNeedsNoOrder) {
  EXPECT_THAT(Names({{"a", {"n"}, "CREATE VIEW a AS SELECT n FROM b"},
                     {"b", {"n"}, "CREATE VIEW b(n) AS SELECT count(*) FROM orders"}}),
              ElementsAre("a", "b"));
}

TEST_F(ViewSchemaTest, WhatNeedsMoreThanIsPublishedIsLeftOut) {
  EXPECT_THAT(Names({{"column", {"secret"}, "CREATE VIEW column AS SELECT secret FROM orders"},
                     {"function", {"x"}, "CREATE VIEW function AS SELECT ours(id) AS x FROM orders"},
                     {"of_those", {"secret"}, "CREATE VIEW of_those AS SELECT * FROM column"},
                     {"quoted", {"secret"}, "CREATE VIEW quoted AS SELECT \"secret\" FROM orders"},
                     {"table", {"x"}, "CREATE VIEW \"table\" AS SELECT x FROM salaries"}}),
              ElementsAre());
}

TEST_F(ViewSchemaTest, AStarThatWouldGiveFewerColumnsIsLeftOut) {
  EXPECT_THAT(Names({{"whole", {"id", "amount", "secret"}, "CREATE VIEW whole AS SELECT * FROM orders"}}),
              ElementsAre());
}

TEST_F(ViewSchemaTest, ATextThatIsNoViewsOrTooLongIsLeftOut) {
  const std::string padding(limits::kMaxViewBytes, ' ');
  EXPECT_THAT(Names({{"none", {}, "CREATE VIEW none AS SELECT id FROM orders"},
                     {"orders", {"id", "amount"}, "DROP TABLE orders"},
                     {"long", {"id"}, "CREATE VIEW long AS SELECT id FROM " + padding + "orders"}}),
              ElementsAre());
}

}  // namespace
}  // namespace replicast::route
