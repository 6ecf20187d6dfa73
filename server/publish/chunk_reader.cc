#include "server/publish/chunk_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/columns.h"
#include "server/publish/batch.h"
#include "server/publish/range_comparison.h"

namespace replicast::publish {
namespace {

// A chunk ends there even if the filter left nearly all rows out, or all of them differ: its read stays short.
constexpr size_t kMostRows = 20'000;
constexpr size_t kMostDifferenceBytes = 8 * limits::kChunkBytes;

}  // namespace

// The chunk's rows, and what is to be published first.
class ChunkReader::Range : public RangeVisitor {
 public:
  struct Difference {
    Row key;
    std::optional<Row> row;  // in the source, whether or not this stream wants it
  };
  Range(route::TableView& view, size_t columns) : view_(view), rows_(columns) {}

  absl::StatusOr<bool> OnRow(const Row&, const Row& row) override {
    if (const Row* published = view_.Published(row); published != nullptr) rows_.Add(*published);
    return ++scanned_ < kMostRows && rows_.bytes() < limits::kChunkBytes && difference_bytes_ < kMostDifferenceBytes;
  }
  absl::Status OnDifference(const Row& key, const Row* row) override {
    difference_bytes_ += EncodedSize(key) + (row == nullptr ? 0 : EncodedSize(*row));
    differences_.push_back({key, row == nullptr ? std::nullopt : std::optional<Row>(*row)});
    return absl::OkStatus();
  }

  wire::ColumnsWriter& rows() { return rows_; }
  const std::vector<Difference>& differences() const { return differences_; }

 private:
  route::TableView& view_;
  wire::ColumnsWriter rows_;
  size_t scanned_ = 0, difference_bytes_ = 0;
  std::vector<Difference> differences_;
};

absl::StatusOr<v1::SignedChunk> ChunkReader::Read(const DefinitionHash& hash, uint32_t table,
                                                  const std::string& after_key) {
  ASSIGN_OR_RETURN(std::unique_ptr<Reading> reading, drain_.RunAndRead());
  ASSIGN_OR_RETURN(Stream * stream, core_.FindReady(hash));
  if (table >= stream->tables.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "TABLE_UNKNOWN",
                 "the dataset has no table of this number: subscribe again");
  }
  const Relation& relation = *stream->tables[table].relation;
  ASSIGN_OR_RETURN(route::TableView * view, stream->View(table));
  Range range(*view, stream->tables[table].columns.size());
  ASSIGN_OR_RETURN(const std::string through_key, CompareRange(core_, *reading, relation, after_key, range));
  if (!range.differences().empty()) RETURN_IF_ERROR(PublishDifferences(*reading, relation, range));

  v1::ChunkHeader header;
  header.set_history_id(core_.state.history.ToBytes());
  header.set_definition_hash(hash.ToBytes());
  header.set_table(table);
  header.set_after_key(after_key);
  header.set_through_key(through_key);
  header.set_label_lsn(core_.state.lsn.value);
  header.set_schema_version(stream->record.schema.version());
  for (size_t i = 0; i < stream->record.tables.size(); ++i) {
    v1::TableDigest* digest = header.add_digests();
    digest->set_table(static_cast<uint32_t>(i));
    digest->set_digest(stream->record.tables[i].digest.ToBytes());
    digest->set_row_count(stream->record.tables[i].rows);
  }
  v1::Columns columns;
  range.rows().Take(&columns);
  return wire::SealChunk(header, columns, core_.signer);
}

absl::Status ChunkReader::PublishDifferences(Reading& reading, const Relation& relation, const Range& range) {
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Begin(core_, reading.newest().number, reading.wall()));
  for (const Range::Difference& difference : range.differences())
    RETURN_IF_ERROR(batch->Route(relation, difference.key, difference.row ? &*difference.row : nullptr));
  batch->SetTail(reading.newest());
  RETURN_IF_ERROR(batch->Commit());
  return batch->Tell();
}

}  // namespace replicast::publish
