#include "server/route/table_view.h"

#include <numeric>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/sqlite/declared_type.h"

namespace replicast::route {

std::vector<sqlite::FilterColumn> FilterColumns(const Relation& relation) {
  std::vector<sqlite::FilterColumn> columns;
  for (const RelationColumn& column : relation.columns) {
    columns.push_back({column.name, sqlite::NameOf(sqlite::AffinityOf(column.type, relation.strict)),
                       column.own_collation.empty() ? NameOf(column.collation) : column.own_collation});
  }
  return columns;
}

Projection::Projection(const Relation& relation, std::vector<int> columns) : columns_(std::move(columns)) {
  std::vector<int> all(relation.columns.size());
  std::iota(all.begin(), all.end(), 0);
  whole_ = columns_ == all;
}

const Row& Projection::Of(const Row& row) {
  if (whole_) return row;
  if (EncodedSize(projected_) > limits::kMaxWholeRowBytes) projected_ = Row();  // its values would keep their room
  projected_.resize(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) projected_[i] = row[static_cast<size_t>(columns_[i])];
  return projected_;
}

absl::StatusOr<std::unique_ptr<TableView>> TableView::Create(const Relation& relation, std::vector<int> columns,
                                                             const std::string& filter) {
  std::unique_ptr<TableView> view(new TableView(Projection(relation, std::move(columns))));
  if (!filter.empty()) {
    ASSIGN_OR_RETURN(view->filters_, sqlite::RowFilters::Create(FilterColumns(relation), relation.encoding));
    ASSIGN_OR_RETURN(view->filter_, view->filters_->Add(filter));
  }
  return view;
}

const Row* TableView::Published(const Row& row) {
  if (filters_ != nullptr) {
    filters_->Load(row);
    if (!filters_->Matches(filter_)) return nullptr;
  }
  return &projection_.Of(row);
}

}  // namespace replicast::route
