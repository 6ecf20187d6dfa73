#ifndef REPLICAST_SERVER_ROUTE_TABLE_VIEW_H_
#define REPLICAST_SERVER_ROUTE_TABLE_VIEW_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "common/sqlite/row_filter.h"
#include "server/source/relation.h"

namespace replicast::route {

// The relation's columns as filters want them.
std::vector<sqlite::FilterColumn> FilterColumns(const Relation& relation);

// Chosen columns of a row. Without copying where these are all of them, in order.
class Projection {
 public:
  Projection(const Relation& relation, std::vector<int> columns);
  const std::vector<int>& columns() const { return columns_; }
  // Valid until the next call, and as long as `row`.
  const Row& Of(const Row& row);

 private:
  std::vector<int> columns_;
  bool whole_;
  Row projected_;
};

// One relation as one stream sees it: row filter and published columns. For reading ranges of it. Not thread safe.
class TableView {
 public:
  static absl::StatusOr<std::unique_ptr<TableView>> Create(const Relation& relation, std::vector<int> columns,
                                                           const std::string& filter);
  // What is published of the row; nullptr: the filter leaves it out. Valid until the next call, and as long as `row`.
  const Row* Published(const Row& row);

 private:
  explicit TableView(Projection projection) : projection_(std::move(projection)) {}
  Projection projection_;
  std::unique_ptr<sqlite::RowFilters> filters_;  // nothing: every row
  int filter_ = 0;
};

}  // namespace replicast::route

#endif  // REPLICAST_SERVER_ROUTE_TABLE_VIEW_H_
