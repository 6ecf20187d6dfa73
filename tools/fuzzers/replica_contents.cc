#include "tools/fuzzers/replica_contents.h"

#include <map>

#include "common/base/errors.h"
#include "common/base/ordered_key.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/row_hash.h"
#include "tools/fuzzers/fuzz_keys.h"

namespace replicast::fuzz {
namespace {

constexpr uint32_t kItem = 0, kNote = 1;

// The rows of both tables as the master has them, by key.
class Master {
 public:
  Master() {
    for (int64_t id = 1; id <= 4; ++id) rows_[kItem][CanonicalBytes({id})] = {id, id * 10, Text{"item"}};
    rows_[kNote][CanonicalBytes({Text{"A"}})] = {Text{"A"}, Real{1.5}};
    rows_[kNote][CanonicalBytes({Text{"b"}})] = {Text{"b"}, std::monostate()};
  }

  wire::Chunk ChunkOf(uint32_t table, int64_t after, int64_t through) const {
    v1::ChunkHeader header;
    header.set_history_id(TheHistory().ToBytes());
    header.set_definition_hash(TheDefinition().ToBytes());
    header.set_table(table);
    if (after != 0) header.set_after_key(EncodeOrderedKey({after}, {Collation::kBinary}));
    if (through != 0) header.set_through_key(EncodeOrderedKey({through}, {Collation::kBinary}));
    header.set_label_lsn(lsn_.value);
    header.set_schema_version(1);
    for (const v1::TableDigest& digest : Digests()) *header.add_digests() = digest;
    wire::ColumnsWriter writer(table == kItem ? 3 : 2);
    for (const auto& [key, row] : rows_[table]) {
      const int64_t id = table == kItem ? std::get<int64_t>(row[0]) : 1;
      if (id > after && (through == 0 || id <= through)) writer.Add(row);
    }
    v1::Columns columns;
    writer.Take(&columns);
    auto chunk = wire::OpenChunk(wire::SealChunk(header, columns, TheSigner()), TheVerifier());
    REPLICAST_CHECK(chunk.ok());
    return *std::move(chunk);
  }

  // A key that is not there any more, and a row, in each table.
  wire::UnitPart Unit(int64_t deleted, int64_t id, bool new_history) {
    const Row item = {id, id * 100, Blob{"changed"}}, note = {Text{"n" + std::to_string(id)}, id};
    v1::UnitHeader header;
    header.set_kind(new_history ? v1::UNIT_KIND_HISTORY : v1::UNIT_KIND_CHANGES);
    header.set_history_id(new_history ? CountedBytes(16, 1) : TheHistory().ToBytes());
    if (new_history) {
      header.set_prev_history_id(TheHistory().ToBytes());
      header.set_until_lsn(lsn_.value);
    }
    header.set_definition_hash(TheDefinition().ToBytes());
    header.set_prev_lsn(lsn_.value);
    lsn_ = Lsn::Of(lsn_.number() + 1, 0);
    header.set_last_lsn(lsn_.value);
    header.set_schema_version(1);
    header.set_master_time_microseconds(1'700'000'000'000'000);
    wire::UnitPart part;
    wire::UnitWriter writer(header, {1, 1}, {3, 2}, TheSigner(), [&](uint32_t, wire::EncodedPart encoded) {
      ASSIGN_OR_RETURN(part, wire::OpenUnitPart(std::move(encoded), TheVerifier()));
      return absl::OkStatus();
    });
    rows_[kItem].erase(CanonicalBytes({deleted}));
    rows_[kItem][CanonicalBytes({id})] = item;
    rows_[kNote][CanonicalBytes({note[0]})] = note;
    REPLICAST_CHECK(writer.Delete(kItem, {deleted}).ok());
    REPLICAST_CHECK(writer.Upsert(kItem, item).ok() && writer.Upsert(kNote, note).ok());
    REPLICAST_CHECK(writer.Finish(Digests()).ok());
    return part;
  }

 private:
  std::vector<v1::TableDigest> Digests() const {
    std::vector<v1::TableDigest> digests;
    for (const uint32_t table : {kItem, kNote}) {
      Digest digest;
      for (const auto& [key, row] : rows_[table])
        digest += wire::HashRow(TheSchema().tables(static_cast<int>(table)).name(), row);
      v1::TableDigest& message = digests.emplace_back();
      message.set_table(table);
      message.set_digest(digest.ToBytes());
      message.set_row_count(rows_[table].size());
    }
    return digests;
  }

  std::map<std::string, Row> rows_[2];
  Lsn lsn_ = Lsn::Of(10, 0);
};

struct Contents {
  std::vector<wire::Chunk> chunks;
  std::vector<wire::UnitPart> units;
};

const Contents& All() {
  static const Contents contents = [] {
    Master master;
    Contents made;
    made.chunks = {master.ChunkOf(kItem, 0, 2), master.ChunkOf(kItem, 2, 0), master.ChunkOf(kNote, 0, 0)};
    for (int64_t i = 0; i < 3; ++i) made.units.push_back(master.Unit(i + 1, i + 2, false));
    made.units.push_back(master.Unit(9, 8, true));
    return made;
  }();
  return contents;
}

}  // namespace

ReplicaDatabase::Identity TheIdentity() {
  return {*ServerId::FromBytes(CountedBytes(16, 3)), "items", TheDefinition()};
}

const v1::Definition& TheDefinitionMessage() {
  static const v1::Definition definition = [] {
    v1::Definition made;
    made.add_tables()->set_name("item");
    made.add_tables()->set_name("note");
    return made;
  }();
  return definition;
}

const v1::DatasetSchema& TheSchema() {
  static const v1::DatasetSchema schema = [] {
    v1::DatasetSchema made;
    made.set_version(1);
    v1::TableSchema& item = *made.add_tables();
    item.set_name("item");
    for (const char* name : {"id", "u", "v"}) item.add_columns()->set_name(name);
    item.mutable_columns(0)->set_type("INTEGER");
    item.mutable_columns(0)->set_key_part(1);
    item.add_key_columns(0);
    item.set_integer_primary_key(true);
    v1::IndexSchema& unique = *item.add_indexes();
    unique.set_unique(true);
    unique.add_terms()->set_column("u");
    v1::TableSchema& note = *made.add_tables();
    note.set_name("note");
    for (const char* name : {"k", "n"}) note.add_columns()->set_name(name);
    note.mutable_columns(0)->set_type("TEXT");
    note.mutable_columns(0)->set_collation("NOCASE");
    note.mutable_columns(0)->set_key_part(1);
    note.add_key_columns(0);
    note.set_without_rowid(true);
    return made;
  }();
  return schema;
}

const std::vector<wire::Chunk>& Chunks() { return All().chunks; }
const std::vector<wire::UnitPart>& Units() { return All().units; }

}  // namespace replicast::fuzz
