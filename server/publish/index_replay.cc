#include "server/publish/index_replay.h"

#include <optional>
#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/row_hash.h"
#include "server/store/unit_decoder.h"

namespace replicast::publish {
namespace {

absl::Status ReplayPart(Core& core, const Stream& stream, const std::string& part) {
  const v1::DatasetSchema& schema = stream.record.schema;
  int64_t id = stream.record.id;
  store::UnitChanges changes;
  changes.deleted = [&](uint32_t table, const Row& key) {
    const Relation& relation = *stream.tables[table].relation;
    core.index->Erase(relation.id, EncodeOrderedKey(key, relation.key_collations), id);
    return absl::OkStatus();
  };
  changes.upserted = [&](uint32_t table, const Row& row) {
    const Relation& relation = *stream.tables[table].relation;
    Row key;
    for (uint32_t place : schema.tables(static_cast<int>(table)).key_columns()) key.push_back(row[place]);
    core.index->Set(relation.id, EncodeOrderedKey(key, relation.key_collations), id, wire::HashRow(relation.name, row));
    return absl::OkStatus();
  };
  return store::ForEachChange(part, schema, changes);
}

}  // namespace

absl::Status ReplayIndex(Core& core) {
  uint64_t serial = core.state.flushed;
  while (true) {
    ASSIGN_OR_RETURN(std::optional<store::StoredUnit> unit, core.units.After(serial));
    if (!unit.has_value()) return absl::OkStatus();
    serial = unit->serial;
    const Stream* stream = core.FindById(unit->stream);
    if (stream == nullptr || !stream->ready()) continue;
    for (uint32_t number = 1; number <= unit->parts; ++number) {
      ASSIGN_OR_RETURN(std::string part, core.units.Part(serial, number));
      RETURN_IF_ERROR(ReplayPart(core, *stream, part));
      if (core.index->weight() < limits::kIndexOverlayEntries) continue;
      ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core.statements.database()));
      RETURN_IF_ERROR(core.index->WriteAll());
      RETURN_IF_ERROR(transaction.Commit());
    }
  }
}

}  // namespace replicast::publish
