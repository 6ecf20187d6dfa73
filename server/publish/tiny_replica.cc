#include <algorithm>

#include "common/base/errors.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/row_hash.h"
#include "common/wire/value_proto.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

std::string Encoded(const Row& key) {
  return EncodeOrderedKey(key, std::vector<Collation>(key.size(), Collation::kBinary));
}

HistoryId HistoryFrom(const std::string& bytes) { return HistoryId::FromBytes(bytes).value_or(HistoryId()); }

}  // namespace

Row TinyReplica::KeyOf(size_t table, const Row& row) const {
  Row key;
  for (uint32_t place : schema_.tables(static_cast<int>(table)).key_columns()) key.push_back(row[place]);
  return key;
}

void TinyReplica::TakeOver(Copy* copy, const v1::SchemaChange& change) {
  Tables tables(static_cast<size_t>(change.schema().tables_size()));
  for (size_t i = 0; i < tables.size(); ++i) {
    const v1::TableOrigin& origin = change.origins(static_cast<int>(i));
    if (origin.table() == 0) continue;
    for (const auto& [key, row] : copy->tables[origin.table() - 1]) {
      Row& taken = tables[i][key];
      for (const v1::ColumnOrigin& column : origin.columns())
        taken.push_back(column.has_constant() ? wire::FromProto(column.constant()) : row[column.column()]);
    }
  }
  copy->tables = std::move(tables);
  schema_ = change.schema();
}

void TinyReplica::Apply(Copy* copy, const HeardUnit& unit) {
  wire::LongRowReader long_row;
  for (const v1::UnitBody& body : unit.bodies) {
    if (body.has_piece()) TakePiece(body.piece(), &long_row, copy);
    if (body.has_schema()) TakeOver(copy, body.schema());
    for (const v1::TableChanges& changes : body.tables()) {
      auto& rows = copy->tables[changes.table()];
      const v1::TableSchema& schema = schema_.tables(static_cast<int>(changes.table()));
      wire::ColumnsReader reader;
      Row row;
      if (changes.deleted().row_count() > 0) {
        ASSERT_TRUE(reader.Open(changes.deleted(), static_cast<size_t>(schema.key_columns_size())).ok());
        while (reader.Next(&row)) rows.erase(Encoded(row));
      }
      if (changes.rows().row_count() > 0) {
        ASSERT_TRUE(reader.Open(changes.rows(), static_cast<size_t>(schema.columns_size())).ok());
        while (reader.Next(&row)) rows[Encoded(KeyOf(changes.table(), row))] = row;
      }
    }
  }
}

void TinyReplica::TakePiece(const v1::RowPiece& piece, wire::LongRowReader* reader, Copy* copy) {
  const size_t table = piece.has_row() ? piece.row().table() : reader->table();
  const auto columns = static_cast<size_t>(schema_.tables(static_cast<int>(table)).columns_size());
  absl::StatusOr<bool> complete = reader->Add(piece, columns);
  ASSERT_TRUE(complete.ok()) << complete.status();
  if (*complete) copy->tables[table][Encoded(KeyOf(table, reader->row()))] = reader->row();
}

TinyReplica::Admission TinyReplica::AdmitTo(Copy* copy, const HeardUnit& unit) {
  const HistoryId history = HistoryFrom(unit.header.history_id());
  if (unit.header.kind() == v1::UNIT_KIND_HISTORY) {
    if (!copy->known || HistoryFrom(unit.header.prev_history_id()) != copy->history) return Admission::kForeign;
    if (copy->at > Lsn{unit.header.until_lsn()} || copy->exact > Lsn{unit.header.until_lsn()})
      return Admission::kForeign;
    if (unit.prev() > copy->at) return Admission::kGap;
    copy->history = history;
    if (copy->exact.value != 0) copy->exact = unit.last();
  } else {
    if (!copy->known || history != copy->history) return Admission::kForeign;
    if (unit.last() <= copy->at) return Admission::kHad;
    if (unit.prev() > copy->at) return Admission::kGap;
  }
  Apply(copy, unit);
  copy->at = unit.last();
  return Admission::kApplied;
}

TinyReplica::Admission TinyReplica::Admit(const HeardUnit& unit) {
  const HistoryId before = live_.history;
  const bool leads_over = unit.header.kind() == v1::UNIT_KIND_HISTORY;
  if (left_.count(HistoryFrom(leads_over ? unit.header.prev_history_id() : unit.header.history_id())) != 0)
    return Admission::kHad;
  Admission admission = AdmitTo(&live_, unit);
  if (live_.history != before) left_.insert(before);
  if (admission != Admission::kApplied) return admission;
  for (const v1::TableDigest& digest : unit.header.digests()) {
    TableState state = StateOf(digest.table());
    EXPECT_EQ(state.digest.ToBytes(), digest.digest())
        << "digest of table " << digest.table() << " at " << unit.last().ToText();
    EXPECT_EQ(state.rows, digest.row_count());
  }
  return admission;
}

std::optional<Position> TinyReplica::position() const {
  if (!live_.known) return std::nullopt;
  return Position{live_.history, stream_, live_.at};
}

std::optional<Position> TinyReplica::staging_position() const {
  if (!staging_.has_value() || !staging_->known) return std::nullopt;
  return Position{staging_->history, stream_, staging_->at};
}

TableState TinyReplica::StateOf(size_t table) const {
  TableState state;
  for (const auto& [key, row] : live_.tables[table]) {
    state.digest += wire::HashRow(schema_.tables(static_cast<int>(table)).name(), row);
    ++state.rows;
  }
  return state;
}

void TinyReplica::BeginStaging() {
  staging_ = Copy{};
  staging_->tables.resize(static_cast<size_t>(schema_.tables_size()));
  wanted_ = Wanted{0, ""};
}

void TinyReplica::Load(const v1::SignedChunk& signed_chunk, publish::ChunkPieces* pieces,
                       const wire::Verifier& verifier) {
  absl::StatusOr<wire::Chunk> chunk = wire::OpenChunk(signed_chunk, verifier);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  const v1::ChunkHeader& header = chunk->header;
  const HistoryId history = HistoryFrom(header.history_id());
  const Lsn label{header.label_lsn()};
  if (staging_->known && staging_->history != history) return BeginStaging();
  ASSERT_EQ(header.table(), wanted_->table);
  ASSERT_EQ(header.after_key(), wanted_->after_key);
  staging_->exact = staging_->known ? std::max({staging_->exact, staging_->at, label}) : label;
  staging_->at = staging_->known ? std::min(staging_->at, label) : label;
  staging_->history = history;
  staging_->known = true;
  const v1::TableSchema& schema = schema_.tables(static_cast<int>(header.table()));
  wire::ColumnsReader reader;
  ASSERT_TRUE(reader.Open(chunk->rows, static_cast<size_t>(schema.columns_size())).ok());
  Row row;
  while (reader.Next(&row)) staging_->tables[header.table()][Encoded(KeyOf(header.table(), row))] = row;
  wire::LongRowReader long_row;
  for (uint32_t number = 1; number <= header.pieces(); ++number) {
    absl::StatusOr<wire::Chunk> piece = wire::OpenChunk(**pieces->Next(), verifier);
    ASSERT_TRUE(piece.ok()) << piece.status();
    ASSERT_EQ(piece->header.piece(), number);
    ASSERT_EQ(piece->header.label_lsn(), header.label_lsn());
    TakePiece(piece->piece, &long_row, &*staging_);
  }
  ASSERT_FALSE(long_row.open());
  if (!header.through_key().empty()) {
    wanted_->after_key = header.through_key();
  } else if (header.table() + 1 < static_cast<uint32_t>(schema_.tables_size())) {
    wanted_ = Wanted{header.table() + 1, ""};
  } else {
    wanted_.reset();
  }
}

TinyReplica::Admission TinyReplica::AdmitToStaging(const HeardUnit& unit) { return AdmitTo(&*staging_, unit); }

bool TinyReplica::TrySwap() {
  if (!staging_.has_value() || wanted_.has_value() || staging_->at < staging_->exact) return false;
  live_ = *std::move(staging_);
  live_.exact = Lsn();
  staging_.reset();
  return true;
}

}  // namespace replicast::testing
