#include "server/publish/comparison.h"

#include <utility>

#include "common/base/errors.h"
#include "common/wire/row_hash.h"
#include "server/publish/positions.h"
#include "server/route/table_view.h"

namespace replicast::publish {

absl::StatusOr<std::unique_ptr<RowsComparison>> RowsComparison::Begin(Core& core, Drain& drain,
                                                                      const Position& position) {
  auto comparison = std::make_unique<RowsComparison>();
  ASSIGN_OR_RETURN(comparison->reading_, drain.RunAndReadDetached());
  ASSIGN_OR_RETURN(Stream * stream, core.FindReady(position.definition));
  ASSIGN_OR_RETURN(std::vector<TableState> there, TableStatesAt(core, *stream, position));
  comparison->position_ = position;
  comparison->read_at_ = {core.state.history, position.definition, core.state.lsn};
  for (size_t i = 0; i < stream->tables.size(); ++i) {
    const Stream::Table& table = stream->tables[i];
    comparison->tables_.push_back(
        {*table.relation, table.columns, table.filter, stream->record.tables[i], there[i], {}});
  }
  return comparison;
}

absl::Status RowsComparison::Run() {
  for (Table& table : tables_) {
    ASSIGN_OR_RETURN(std::unique_ptr<route::TableView> view,
                     route::TableView::Create(table.relation, table.columns, table.filter));
    RETURN_IF_ERROR(
        reading_->ForEachRow(table.relation, nullptr, [&](const Row&, const Row& row) -> absl::StatusOr<bool> {
          if (const Row* published = view->Published(row); published != nullptr) {
            table.actual.digest += wire::HashRow(table.relation.name, *published);
            ++table.actual.rows;
          }
          return true;
        }));
  }
  reading_.reset();  // no longer than needed: it keeps the master's WAL from being reused
  return absl::OkStatus();
}

Publisher::CompareResult RowsComparison::Result() const {
  Publisher::CompareResult result;
  result.read_at = read_at_;
  for (const Table& table : tables_) {
    // What the units between there and here changed is in both digests of the index; what only the rows know stays.
    TableState& state = result.tables.emplace_back();
    state.digest = table.actual.digest - table.indexed_here.digest + table.indexed_there.digest;
    state.rows = table.actual.rows - table.indexed_here.rows + table.indexed_there.rows;
  }
  return result;
}

}  // namespace replicast::publish
