#include "client/apply/apply_test_rig.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/ordered_key.h"
#include "common/wire/long_row.h"
#include "common/wire/row_hash.h"

namespace replicast {
namespace {

Row KeyIn(const v1::TableSchema& table, const Row& row) {
  Row key;
  for (const uint32_t place : table.key_columns()) key.push_back(row[place]);
  return key;
}

}  // namespace

v1::DatasetSchema ApplyRig::ItemSchema() {
  v1::DatasetSchema schema;
  schema.set_version(1);
  auto& table = *schema.add_tables();
  table.set_name("item");
  for (const char* name : {"id", "u", "v"}) table.add_columns()->set_name(name);
  table.mutable_columns(0)->set_type("INTEGER");
  table.mutable_columns(0)->set_key_part(1);
  table.add_key_columns(0);
  table.set_integer_primary_key(true);
  v1::IndexSchema& unique = *table.add_indexes();
  unique.set_unique(true);
  unique.add_terms()->set_column("u");
  return schema;
}

ApplyRig::ApplyRig(v1::DatasetSchema schema)
    : schema_(std::move(schema)),
      signing_(crypto::GenerateEd25519()),
      signer_(signing_.private_key),
      verifier_(signing_.public_key) {
  history = random.Identifier<HistoryId>();
  definition = random.Identifier<DefinitionHash>();
}

TableState ApplyRig::State() const {
  TableState state;
  for (const auto& [key, row] : rows_) {
    state.digest += wire::HashRow(schema_.tables(0).name(), row);
    ++state.rows;
  }
  return state;
}

std::vector<v1::TableDigest> ApplyRig::Digests() const {
  const TableState state = State();
  v1::TableDigest digest;
  digest.set_digest(state.digest.ToBytes());
  digest.set_row_count(state.rows);
  return {digest};
}

v1::UnitHeader ApplyRig::Header(v1::UnitKind kind) const {
  v1::UnitHeader header;
  header.set_kind(kind);
  header.set_history_id(history.ToBytes());
  header.set_definition_hash(definition.ToBytes());
  header.set_prev_lsn(prev.value);
  header.set_last_lsn(lsn.value);
  header.set_schema_version(schema_.version());
  header.set_master_time_microseconds(1'700'000'000'000'000 + static_cast<int64_t>(lsn.value));
  return header;
}

std::vector<wire::UnitPart> ApplyRig::Write(v1::UnitHeader header, const v1::SchemaChange* change) {
  std::vector<wire::UnitPart> parts;
  const v1::TableSchema& table = schema_.tables(0);
  wire::UnitWriter writer(std::move(header), {static_cast<size_t>(table.key_columns_size())},
                          {static_cast<size_t>(table.columns_size())}, signer_,
                          [&](uint32_t, wire::EncodedPart encoded) {
                            auto part = wire::OpenUnitPart(std::move(encoded), verifier_);
                            EXPECT_TRUE(part.ok()) << part.status();
                            parts.push_back(*std::move(part));
                            return absl::OkStatus();
                          });
  if (change != nullptr) writer.SetSchema(*change);
  for (const Row& key : deletes_) {
    rows_.erase(CanonicalBytes(key));
    EXPECT_TRUE(writer.Delete(0, key).ok());
  }
  for (const Row& row : upserts_) {
    rows_[CanonicalBytes(KeyIn(table, row))] = row;
    EXPECT_TRUE(writer.Upsert(0, row).ok());
  }
  const bool changed = change != nullptr || !deletes_.empty() || !upserts_.empty();
  deletes_.clear();
  upserts_.clear();
  EXPECT_TRUE(writer.Finish(changed ? Digests() : std::vector<v1::TableDigest>()).ok());
  return parts;
}

std::vector<wire::UnitPart> ApplyRig::Unit() {
  lsn = Lsn::Of(lsn.number() + 1 + random.Below(5), 0);
  auto parts = Write(Header(v1::UNIT_KIND_CHANGES));
  prev = lsn;
  return parts;
}

std::vector<wire::UnitPart> ApplyRig::HistoryUnit(uint64_t until) {
  v1::UnitHeader header = Header(v1::UNIT_KIND_HISTORY);
  header.set_prev_history_id(history.ToBytes());
  header.set_until_lsn(until);
  history = random.Identifier<HistoryId>();
  header.set_history_id(history.ToBytes());
  return Write(std::move(header));
}

wire::UnitPart ApplyRig::EmptyUnit(absl::Time at) {
  v1::UnitHeader header = Header(v1::UNIT_KIND_EMPTY);
  header.set_master_time_microseconds(absl::ToUnixMicros(at));
  return Write(std::move(header)).at(0);
}

std::vector<wire::UnitPart> ApplyRig::SchemaUnit(const v1::SchemaChange& change,
                                                 const std::function<Row(const Row&)>& renew) {
  schema_ = change.schema();
  for (auto& [key, row] : rows_) row = renew(row);
  lsn = Lsn::Of(lsn.number() + 1, 0);
  auto parts = Write(Header(v1::UNIT_KIND_SCHEMA), &change);
  prev = lsn;
  return parts;
}

std::string ApplyRig::KeyText(int64_t id) { return EncodeOrderedKey({id}, {Collation::kBinary}); }

v1::ChunkHeader ApplyRig::HeaderOf(const std::string& after, const std::string& through) const {
  v1::ChunkHeader header;
  header.set_history_id(history.ToBytes());
  header.set_definition_hash(definition.ToBytes());
  header.set_after_key(after);
  header.set_through_key(through);
  header.set_label_lsn(lsn.value);
  header.set_schema_version(schema_.version());
  for (const v1::TableDigest& digest : Digests()) *header.add_digests() = digest;
  return header;
}

std::vector<Row> ApplyRig::RowsIn(const std::string& after, const std::string& through) const {
  std::map<std::string, Row> rows;
  for (const auto& [key, row] : rows_) {
    const std::string ordered = EncodeOrderedKey(KeyIn(schema_.tables(0), row), {Collation::kBinary});
    if (ordered > after && (through.empty() || ordered <= through)) rows[ordered] = row;
  }
  std::vector<Row> sorted;
  for (auto& [key, row] : rows) sorted.push_back(std::move(row));
  return sorted;
}

wire::Chunk ApplyRig::Opened(const v1::SignedChunk& signed_chunk) const {
  auto chunk = wire::OpenChunk(signed_chunk, verifier_);
  EXPECT_TRUE(chunk.ok()) << chunk.status();
  return *std::move(chunk);
}

wire::Chunk ApplyRig::ChunkOf(const std::string& after, const std::string& through) {
  wire::ColumnsWriter writer(static_cast<size_t>(schema_.tables(0).columns_size()));
  for (const Row& row : RowsIn(after, through)) writer.Add(row);
  v1::Columns columns;
  writer.Take(&columns);
  return Opened(wire::SealChunk(HeaderOf(after, through), columns, signer_));
}

std::vector<wire::Chunk> ApplyRig::MessagesOf(const std::string& after, const std::string& through) {
  std::vector<Row> rows = RowsIn(after, through);
  wire::LongRowWriter pieces(0, rows.back());
  v1::ChunkHeader header = HeaderOf(after, through);
  header.set_pieces(pieces.pieces());
  wire::ColumnsWriter writer(static_cast<size_t>(schema_.tables(0).columns_size()));
  for (size_t i = 0; i + 1 < rows.size(); ++i) writer.Add(rows[i]);
  v1::Columns columns;
  writer.Take(&columns);
  std::vector<wire::Chunk> messages = {Opened(wire::SealChunk(header, columns, signer_))};
  for (v1::RowPiece piece; pieces.Next(&piece);) {
    header.set_piece(header.piece() + 1);
    messages.push_back(Opened(wire::SealChunkPiece(header, piece, signer_)));
  }
  return messages;
}

std::unique_ptr<ReplicaDatabase> ApplyRig::Open() {
  ReplicaDatabase::Options options;
  options.path = path;
  options.create = true;
  options.max_row_bytes = max_row_bytes;
  auto replica = ReplicaDatabase::Open(options, clock);
  EXPECT_TRUE(replica.ok()) << replica.status();
  if (!(*replica)->identity()) {
    ReplicaDatabase::Identity identity;
    identity.server.bytes[0] = 1;
    identity.dataset = "items";
    identity.definition = definition;
    EXPECT_TRUE((*replica)->SetDataset(identity, v1::Definition(), schema_).ok());
  }
  return *std::move(replica);
}

void ApplyRig::LoadAll(ReplicaDatabase& replica) {
  EXPECT_TRUE(replica.BeginStaging(schema_).ok());
  EXPECT_TRUE(*replica.LoadChunk(ChunkOf("", ""), 1));
}

std::unique_ptr<ReplicaDatabase> ApplyRig::OpenWithSnapshot() {
  auto replica = Open();
  LoadAll(*replica);
  EXPECT_TRUE(*replica->TrySwap());
  return replica;
}

std::vector<Row> ApplyRig::Shown(const std::string& table) {
  auto select = Other().Prepare("SELECT * FROM " + table);
  EXPECT_TRUE(select.ok()) << select.status();
  std::vector<Row> rows;
  while (*select->Step()) rows.push_back(select->Columns(0, select->ColumnCount()));
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return CanonicalBytes(a) < CanonicalBytes(b); });
  return rows;
}

std::vector<Row> ApplyRig::Master() const {
  std::vector<Row> rows;
  for (const auto& [key, row] : rows_) rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return CanonicalBytes(a) < CanonicalBytes(b); });
  return rows;
}

sqlite::Database& ApplyRig::Other() {
  if (other_ == nullptr) other_ = *sqlite::Database::Open(path, {});
  return *other_;
}

}  // namespace replicast
