#include "server/route/view_schema.h"

#include <absl/strings/match.h>

#include <memory>
#include <string>

#include "client/apply/replica_schema.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/sqlite/database.h"

namespace replicast::route {
namespace {

// The dataset's tables, empty; without those that can't be made like this.
absl::StatusOr<std::unique_ptr<sqlite::Database>> EmptyTables(const v1::DatasetSchema& schema) {
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database,
                   sqlite::Database::Open(":memory:", {.create = true, .quoted_strings = false}));
  for (const v1::TableSchema& table : schema.tables())
    RunOne(*database, CreateTableSql(table, table.name())).IgnoreError();
  return database;
}

bool GivesTheSame(sqlite::Database& database, const View& view) {
  const auto select = database.Prepare("SELECT * FROM main." + sqlite::QuoteIdentifier(view.name));
  return select.ok() && select->ColumnNames() == view.columns;
}

}  // namespace

absl::Status AddViews(const std::vector<View>& views, v1::DatasetSchema* schema) {
  if (views.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> database, EmptyTables(*schema));
  std::vector<const View*> candidates;
  for (const View& view : views) {
    const bool can_be = !view.columns.empty() && view.name.size() <= limits::kMaxNameBytes &&
                        view.sql.size() <= limits::kMaxViewBytes && IsViewSql(view.sql);
    if (can_be && RunOne(*database, view.sql).ok()) candidates.push_back(&view);
  }
  for (const View* view : candidates) {
    if (static_cast<size_t>(schema->views_size()) == limits::kMaxViews) break;
    if (!GivesTheSame(*database, *view)) continue;
    v1::ViewSchema* out = schema->add_views();
    out->set_name(view->name);
    out->set_sql(view->sql);
  }
  return absl::OkStatus();
}

}  // namespace replicast::route
