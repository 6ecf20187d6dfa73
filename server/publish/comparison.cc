#include "server/publish/comparison.h"

#include <utility>

#include "common/base/errors.h"
#include "common/wire/position_proto.h"
#include "common/wire/row_hash.h"
#include "server/publish/positions.h"
#include "server/route/table_view.h"

namespace replicast::publish {

absl::StatusOr<std::unique_ptr<Publisher::Comparison>> RowsComparison::Begin(Core& core, Drain& drain,
                                                                             const Position& position) {
  auto comparison = std::make_unique<RowsComparison>();
  ASSIGN_OR_RETURN(comparison->reading_, drain.RunAndReadDetached());
  ASSIGN_OR_RETURN(Stream * stream, core.FindReady(position.definition));
  ASSIGN_OR_RETURN(std::vector<TableState> there, TableStatesAt(core, *stream, position));
  comparison->read_at_ = {core.state.history, position.definition, core.state.lsn};
  for (size_t i = 0; i < stream->tables.size(); ++i) {
    const Stream::Table& table = stream->tables[i];
    comparison->tables_.push_back(
        {*table.relation, table.columns, table.filter, stream->record.tables[i], there[i], {}});
  }
  return std::unique_ptr<Publisher::Comparison>(std::move(comparison));
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

v1::CompareResponse RowsComparison::Answer() const {
  v1::CompareResponse answer;
  *answer.mutable_read_at() = ToProto(read_at_);
  for (size_t i = 0; i < tables_.size(); ++i) {
    const Table& table = tables_[i];
    // What the units between there and here changed is in both digests of the index; what only the rows know stays.
    const Digest digest = table.actual.digest - table.indexed_here.digest + table.indexed_there.digest;
    v1::TableDigest* out = answer.add_digests();
    out->set_table(static_cast<uint32_t>(i));
    out->set_digest(digest.ToBytes());
    out->set_row_count(table.actual.rows - table.indexed_here.rows + table.indexed_there.rows);
  }
  return answer;
}

}  // namespace replicast::publish
