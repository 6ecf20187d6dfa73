#include "server/publish/chunk_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/columns.h"
#include "common/wire/row_hash.h"
#include "server/publish/batch.h"

namespace replicast::publish {
namespace {

// A chunk ends there even if the filter left nearly all rows out, or all of them differ: its read stays short.
constexpr size_t kMostRows = 20'000;
constexpr size_t kMostDifferenceBytes = 8 * limits::kChunkBytes;

}  // namespace

struct ChunkReader::Range {
  uint32_t table = 0;
  std::string after, through;  // encoded; empty `through`: to the end
  std::optional<Row> after_key;
  wire::ColumnsWriter rows;
  std::vector<Difference> differences;
  size_t difference_bytes = 0;

  void Differs(Row key, const Row* row) {
    Difference& difference = differences.emplace_back();
    difference_bytes += EncodedSize(key) + (row == nullptr ? 0 : EncodedSize(*row));
    difference.key = std::move(key);
    difference.there = row != nullptr;
    if (row != nullptr) difference.row = *row;
  }
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
  Range range{table, after_key, "", std::nullopt, wire::ColumnsWriter(stream->tables[table].columns.size()), {}, 0};
  if (!after_key.empty()) {
    range.after_key = DecodeOrderedKey(after_key, relation.key.size());
    if (!range.after_key.has_value()) {
      return Error(absl::StatusCode::kInvalidArgument, "KEY_MALFORMED",
                   "the key behind which to go on is malformed: begin the snapshot from the start");
    }
  }
  RETURN_IF_ERROR(Scan(*reading, stream, &range));
  if (!range.differences.empty()) RETURN_IF_ERROR(PublishDifferences(*reading, relation, range.differences));

  v1::ChunkHeader header;
  header.set_history_id(core_.state.history.ToBytes());
  header.set_definition_hash(hash.ToBytes());
  header.set_table(table);
  header.set_after_key(range.after);
  header.set_through_key(range.through);
  header.set_label_lsn(core_.state.lsn.value);
  header.set_schema_version(stream->record.schema.version());
  for (size_t i = 0; i < stream->record.tables.size(); ++i) {
    v1::TableDigest* digest = header.add_digests();
    digest->set_table(static_cast<uint32_t>(i));
    digest->set_digest(stream->record.tables[i].digest.ToBytes());
    digest->set_row_count(stream->record.tables[i].rows);
  }
  v1::Columns columns;
  range.rows.Take(&columns);
  return wire::SealChunk(header, columns, core_.signer);
}

absl::Status ChunkReader::Scan(Reading& reading, Stream* stream, Range* range) {
  const Relation& relation = *stream->tables[range->table].relation;
  ASSIGN_OR_RETURN(route::TableView * view, stream->View(range->table));
  store::RowIndex::Cursor indexed(*core_.index, relation.id, range->after, stream->record.id);
  RETURN_IF_ERROR(indexed.Open());
  absl::Status index_status;
  // What the index has before this key (empty: at all) and the source has not.
  auto gone_before = [&](const std::string& key) {
    while (indexed.valid() && (key.empty() || indexed.key() < key)) {
      std::optional<Row> gone = DecodeOrderedKey(indexed.key(), relation.key.size());
      REPLICAST_CHECK(gone.has_value());
      range->Differs(*std::move(gone), nullptr);
      if (index_status = indexed.Next(); !index_status.ok()) return;
    }
  };
  size_t scanned = 0;
  bool at_end = true;
  absl::Status read = reading.ForEachRow(
      relation, range->after_key.has_value() ? &*range->after_key : nullptr,
      [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
        const std::string encoded = EncodeOrderedKey(key, relation.key_collations);
        gone_before(encoded);
        if (!index_status.ok()) return index_status;
        const bool was_in = indexed.valid() && indexed.key() == encoded;
        const Row* published = view->Published(row);
        if (published != nullptr) range->rows.Add(*published);
        const bool same =
            published == nullptr ? !was_in : was_in && indexed.hash() == wire::HashRow(relation.name, *published);
        if (!same) range->Differs(key, &row);
        if (was_in) {
          index_status = indexed.Next();
          if (!index_status.ok()) return index_status;
        }
        at_end = ++scanned < kMostRows && range->rows.bytes() < limits::kChunkBytes &&
                 range->difference_bytes < kMostDifferenceBytes;
        if (!at_end) range->through = encoded;
        return at_end;
      });
  RETURN_IF_ERROR(index_status);
  if (!read.ok()) return core_.SourceFailed(std::move(read));
  if (at_end) gone_before("");
  return index_status;
}

absl::Status ChunkReader::PublishDifferences(Reading& reading, const Relation& relation,
                                             const std::vector<Difference>& differences) {
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Begin(core_, reading.newest().number, reading.wall()));
  for (const Difference& difference : differences) {
    RETURN_IF_ERROR(batch->Route(relation, difference.key, difference.there ? &difference.row : nullptr));
  }
  batch->SetTail(reading.newest());
  RETURN_IF_ERROR(batch->Commit());
  return batch->Tell();
}

}  // namespace replicast::publish
