#include "server/publish/index_replay.h"

#include <optional>
#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/row_hash.h"
#include "server/store/unit_decoder.h"

namespace replicast::publish {
namespace {

wire::UnitReader::Handlers IntoIndex(Core& core, const Stream& stream) {
  const int64_t id = stream.record.id;
  wire::UnitReader::Handlers changes;
  changes.deleted = [&core, &stream, id](uint32_t table, const Row& key) {
    const Relation& relation = *stream.tables[table].relation;
    core.index->Erase(relation.id, EncodeOrderedKey(key, relation.key_collations), id);
    return absl::OkStatus();
  };
  changes.row = [&core, &stream, id](uint32_t table, const Row& row) {
    const Relation& relation = *stream.tables[table].relation;
    Row key;
    for (uint32_t place : stream.record.schema.tables(static_cast<int>(table)).key_columns()) key.push_back(row[place]);
    core.index->Set(relation.id, EncodeOrderedKey(key, relation.key_collations), id, wire::HashRow(relation.name, row));
    return absl::OkStatus();
  };
  return changes;
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
    store::UnitDecoder decoder(stream->record.schema, IntoIndex(core, *stream));
    for (uint32_t number = 1; number <= unit->parts; ++number) {
      ASSIGN_OR_RETURN(std::string part, core.units.Part(serial, number));
      RETURN_IF_ERROR(decoder.Read(part));
      if (core.index->weight() < limits::kIndexOverlayEntries) continue;
      ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core.statements.database()));
      RETURN_IF_ERROR(core.index->WriteAll());
      RETURN_IF_ERROR(transaction.Commit());
    }
  }
}

}  // namespace replicast::publish
