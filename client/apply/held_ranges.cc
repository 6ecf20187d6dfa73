#include "client/apply/held_ranges.h"

#include <sqlite3.h>

#include <map>
#include <optional>
#include <utility>

#include "client/apply/key_range.h"
#include "client/apply/replica_schema.h"
#include "client/apply/sequence_table.h"
#include "client/apply/stored_row.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/ordered_key.h"
#include "common/wire/columns.h"
#include "common/wire/row_hash.h"

namespace replicast {
namespace {

// The server's chunk has room for more: a range that grew a little there is still told in one.
constexpr size_t kMostRangeBytes = limits::kChunkBytes / 2;
constexpr size_t kMostKeyBytes = 1u << 20;  // of all ranges

size_t SizeOf(const sqlite::Statement& row, int columns) {
  size_t size = 0;
  for (int i = 0; i < columns; ++i) {
    const int type = sqlite3_column_type(row.handle(), i);
    size += type == SQLITE_TEXT || type == SQLITE_BLOB ? row.BytesView(i).size() + 3 : 9;
  }
  return size;
}

// Whether rows of this shape can be read there.
absl::StatusOr<bool> IsReadable(sqlite::Database& database, const v1::TableSchema& table) {
  if (IsSequenceTable(table)) return false;
  ASSIGN_OR_RETURN(const bool there, IsTable(database, table));
  return there && database.Prepare(SelectRangeSql(table, table.name(), false)).ok();
}

void Finish(v1::HeldRange* range, const TableState& state) {
  range->set_digest(state.digest.ToBytes());
  range->set_row_count(state.rows);
}

}  // namespace

absl::StatusOr<std::vector<v1::HeldRange>> HeldRangesOf(sqlite::Database& database, const v1::TableSchema& table,
                                                        const std::string& after_key, uint64_t most_rows) {
  std::vector<v1::HeldRange> ranges;
  TableState state;
  size_t bytes = 0, key_bytes = 0;
  bool to_the_end = true;
  ASSIGN_OR_RETURN(const bool readable, IsReadable(database, table));
  if (readable) {
    RETURN_IF_ERROR(ForEachRow(database, table, {after_key, ""},
                               [&](std::string key, const sqlite::Statement& row) -> absl::StatusOr<bool> {
                                 state.digest += HashStoredRow(table.name(), row, table.columns_size());
                                 ++state.rows;
                                 bytes += SizeOf(row, table.columns_size());
                                 if (state.rows < most_rows && bytes < kMostRangeBytes) return true;
                                 key_bytes += key.size();
                                 ranges.emplace_back().set_through_key(std::move(key));
                                 Finish(&ranges.back(), std::exchange(state, TableState()));
                                 bytes = 0;
                                 to_the_end = ranges.size() < limits::kMaxHeldRanges && key_bytes < kMostKeyBytes;
                                 return to_the_end;
                               }));
  }
  if (to_the_end) Finish(&ranges.emplace_back(), state);
  return ranges;
}

absl::Status CopyHeld(sqlite::Database& database, const v1::ChunkHeader& header, TableWriter& writer,
                      TableState* state) {
  const v1::TableSchema& table = writer.schema();
  TableState copied;
  ASSIGN_OR_RETURN(const bool readable, IsReadable(database, table));
  if (readable && header.held_row_count() > 0) {
    const auto copy = [&](const std::string&, const sqlite::Statement& row) -> absl::StatusOr<bool> {
      copied.digest += HashStoredRow(table.name(), row, table.columns_size());
      ++copied.rows;
      RETURN_IF_ERROR(writer.Insert(row.Columns(0, table.columns_size()), state).status());
      return copied.rows <= header.held_row_count();
    };
    RETURN_IF_ERROR(ForEachRow(database, table, {header.after_key(), header.through_key()}, copy));
  }
  if (copied.digest.ToBytes() == header.held_digest() && copied.rows == header.held_row_count())
    return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "HELD_DIFFERS",
               "rows of table " + table.name() + " changed here while the snapshot was loaded");
}

absl::Status NoteDifferences(sqlite::Database& database, const v1::TableSchema& table, const wire::Chunk& chunk,
                             size_t most, Differences* differences) {
  ASSIGN_OR_RETURN(const bool readable, IsReadable(database, table));
  if (!readable) return absl::OkStatus();
  const std::vector<Collation> collations = KeyCollations(table);
  std::map<std::string, Digest> told;  // and not met here yet
  wire::ColumnsReader reader;
  RETURN_IF_ERROR(reader.Open(chunk.rows, static_cast<size_t>(table.columns_size())));
  for (Row row; reader.Next(&row);) {
    Row key;
    for (const uint32_t place : table.key_columns()) key.push_back(row[place]);
    told[EncodeOrderedKey(key, collations)] = wire::HashRow(table.name(), row);
  }
  const auto note = [&](const std::string& encoded, RowDifference::Kind kind) {
    if (differences->rows.size() >= most) {
      differences->more = true;
    } else if (std::optional<Row> key = DecodeOrderedKey(encoded, collations.size())) {
      differences->rows.push_back({table.name(), *std::move(key), kind});
    }
    return !differences->more;
  };
  RETURN_IF_ERROR(ForEachRow(database, table, {chunk.header.after_key(), chunk.header.through_key()},
                             [&](std::string key, const sqlite::Statement& row) -> absl::StatusOr<bool> {
                               const auto found = told.find(key);
                               // A long row comes in pieces behind the chunk's other rows.
                               if (found == told.end())
                                 return chunk.header.pieces() > 0 || note(key, RowDifference::Kind::kExtra);
                               const bool same =
                                   found->second == HashStoredRow(table.name(), row, table.columns_size());
                               told.erase(found);
                               return same || note(key, RowDifference::Kind::kOther);
                             }));
  for (const auto& [key, hash] : told) {
    if (!differences->more) note(key, RowDifference::Kind::kMissing);
  }
  return absl::OkStatus();
}

}  // namespace replicast
