#include "server/publish/carry_over.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/row_hash.h"
#include "server/route/table_schema.h"

namespace replicast::publish {
namespace {

// Entered for a row of which nothing is known but that replicas have one: no row's hash is it.
Digest Unknown() {
  static const Digest unknown = wire::HashRow("", {});
  return unknown;
}

}  // namespace

CarryOver::CarryOver(Core& core, route::Router& router, const Relation& relation, SchemaPlan& plan, Trust trust)
    : core_(core),
      router_(router),
      relation_(relation),
      old_relation_(plan.renumbered.at(relation.id)),
      trust_(std::move(trust)) {
  for (auto& [id, stream] : plan.streams) {
    if (const Stream* running = core.FindById(id); running == nullptr || !running->ready()) continue;
    for (size_t i = 0; i < stream.tables.size(); ++i) {
      const StreamPlan::Table& table = stream.tables[i];
      if (table.relation != relation.id || !table.origin) continue;
      const v1::TableSchema& schema = stream.change.schema().tables(static_cast<int>(i));
      sides_.push_back({id, &*table.origin, route::Projection(relation, route::PublishedColumns(relation, schema)),
                        &stream.states[i], core.relations.at(old_relation_).name});
    }
  }
}

absl::StatusOr<std::string> CarryOver::Range(Reading& reading, const std::string& after, RangeVisitor& visitor) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
  std::optional<Row> after_key;
  if (!after.empty()) after_key = DecodeOrderedKey(after, relation_.key.size());
  store::RowIndex::Cursor before(*core_.index, old_relation_, after);
  RETURN_IF_ERROR(before.Open());
  std::vector<route::Change> changes;
  const auto enter = [&](const std::string& encoded, const Row* row,
                         const std::vector<store::RowIndex::Entry>& entries) -> absl::Status {
    RETURN_IF_ERROR(Enter(encoded, row, entries));
    router_.Route(relation_.id, row, entered_, &changes);
    if (!IsAboutReady(core_, changes)) return absl::OkStatus();
    const std::optional<Row> key = DecodeOrderedKey(encoded, relation_.key.size());
    REPLICAST_CHECK(key.has_value());
    return visitor.OnDifference(*key, row);
  };
  const auto gone_before = [&](const std::string* key) -> absl::Status {
    while (before.valid() && (key == nullptr || before.key() < *key)) {
      RETURN_IF_ERROR(enter(before.key(), nullptr, before.entries()));
      RETURN_IF_ERROR(before.Next());
    }
    return absl::OkStatus();
  };
  std::string through;
  absl::Status ours;
  const auto meet = [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
    std::string encoded = EncodeOrderedKey(key, relation_.key_collations);
    RETURN_IF_ERROR(gone_before(&encoded));
    const bool there = before.valid() && before.key() == encoded;
    RETURN_IF_ERROR(enter(encoded, &row, there ? before.entries() : std::vector<store::RowIndex::Entry>()));
    if (there) RETURN_IF_ERROR(before.Next());
    ASSIGN_OR_RETURN(const bool more, visitor.OnRow(key, row));
    if (!more) through = std::move(encoded);
    return more;
  };
  absl::Status read = reading.ForEachRow(relation_, after_key ? &*after_key : nullptr,
                                         [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
                                           const absl::StatusOr<bool> more = meet(key, row);
                                           ours = more.status();
                                           return more;
                                         });
  RETURN_IF_ERROR(ours);
  if (!read.ok()) return core_.SourceFailed(std::move(read));
  if (through.empty()) RETURN_IF_ERROR(gone_before(nullptr));
  RETURN_IF_ERROR(transaction.Commit());
  return through;
}

absl::Status CarryOver::Enter(const std::string& key, const Row* row,
                              const std::vector<store::RowIndex::Entry>& before) {
  entered_.clear();
  auto entry = before.begin();
  for (Side& side : sides_) {
    while (entry != before.end() && entry->stream < side.stream) ++entry;
    if (entry == before.end() || entry->stream != side.stream) continue;
    Digest hash = Unknown();
    if (row != nullptr) {
      const Row& published = side.projection.Of(*row);
      ASSIGN_OR_RETURN(const bool proven, IsProven(side, key, published, entry->hash));
      if (proven) hash = wire::HashRow(relation_.name, published);
    }
    entered_.push_back({side.stream, hash});
    RETURN_IF_ERROR(core_.index->Insert(relation_.id, key, side.stream, hash));
    side.state->digest += hash;
    ++side.state->rows;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CarryOver::IsProven(const Side& side, const std::string& key, const Row& published,
                                         const Digest& before) {
  if (side.origin->reversible()) {
    const std::optional<Row> old = side.origin->Before(published);
    return old && wire::HashRow(side.old_name, *old) == before;
  }
  if (!trust_.hooks_kept || !side.origin->BearsOut(published)) return false;
  ASSIGN_OR_RETURN(const bool noted, trust_.noted(key));
  return !noted;
}

}  // namespace replicast::publish
