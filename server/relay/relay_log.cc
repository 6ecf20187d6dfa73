#include "server/relay/relay_log.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "server/store/state_tables.h"

namespace replicast::relay {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE IF NOT EXISTS relay_chains(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  definition_hash BLOB NOT NULL UNIQUE,
  begin_history BLOB NOT NULL, begin_lsn INTEGER NOT NULL,  -- empty: nothing was stored yet
  end_history BLOB NOT NULL, end_lsn INTEGER NOT NULL
);
)sql";
constexpr int kRemovedAtOnce = 1000;

// Where a copy stands that this unit leads on.
Position Before(const DefinitionHash& definition, const v1::UnitHeader& header) {
  const bool leads_over = header.kind() == v1::UNIT_KIND_HISTORY;
  const std::string& history = leads_over ? header.prev_history_id() : header.history_id();
  return {HistoryId::FromBytes(history).value_or(HistoryId()), definition, Lsn{header.prev_lsn()}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<RelayLog>> RelayLog::Open(sqlite::Database& database, uint64_t most_bytes) {
  RETURN_IF_ERROR(store::InstallUnitTables(database));
  RETURN_IF_ERROR(database.Execute(kTables));
  std::unique_ptr<RelayLog> log(new RelayLog(database, most_bytes));
  RETURN_IF_ERROR(log->Load());
  return log;
}

absl::Status RelayLog::Load() {
  open_.clear();
  chains_.clear();
  RETURN_IF_ERROR(units_.Load());
  ASSIGN_OR_RETURN(const auto newest, database_.QueryValue("SELECT max(serial) FROM units"));
  serial_ = newest && std::holds_alternative<int64_t>(*newest) ? static_cast<uint64_t>(std::get<int64_t>(*newest)) : 0;
  // Parts of a unit whose end never came.
  RETURN_IF_ERROR(database_.Execute("DELETE FROM unit_parts WHERE (id >> 24) NOT IN (SELECT serial FROM units)"));
  ASSIGN_OR_RETURN(sqlite::Statement all,
                   database_.Prepare("SELECT id, definition_hash, begin_history, begin_lsn, end_history, end_lsn, "
                                     "(SELECT schema_version FROM units WHERE stream = relay_chains.id ORDER BY serial "
                                     "DESC LIMIT 1) FROM relay_chains"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, all.Step());
    if (!found) return absl::OkStatus();
    const auto definition = DefinitionHash::FromBytes(all.Bytes(1));
    if (!definition) continue;
    Chain& chain = chains_[*definition];
    chain.id = all.Int(0);
    chain.begin = {HistoryId::FromBytes(all.Bytes(2)).value_or(HistoryId()), *definition,
                   Lsn{static_cast<uint64_t>(all.Int(3))}};
    chain.end = {HistoryId::FromBytes(all.Bytes(4)).value_or(HistoryId()), *definition,
                 Lsn{static_cast<uint64_t>(all.Int(5))}};
    chain.schema_version = static_cast<uint64_t>(all.Int(6));
  }
}

absl::StatusOr<RelayLog::Chain> RelayLog::Add(const DefinitionHash& definition) {
  if (const Chain* known = Find(definition)) return *known;
  ASSIGN_OR_RETURN(sqlite::Statement insert,
                   database_.Prepare("INSERT INTO relay_chains(definition_hash, begin_history, begin_lsn, end_history, "
                                     "end_lsn) VALUES(?, x'', 0, x'', 0)"));
  RETURN_IF_ERROR(insert.BindBlob(1, definition.view()).Run());
  Chain chain;
  chain.id = database_.LastInsertRowid();
  chain.begin.definition = chain.end.definition = definition;
  chains_[definition] = chain;
  return chain;
}

const RelayLog::Chain* RelayLog::Find(const DefinitionHash& definition) const {
  const auto found = chains_.find(definition);
  return found == chains_.end() ? nullptr : &found->second;
}

absl::Status RelayLog::Remove(const DefinitionHash& definition) {
  const auto found = chains_.find(definition);
  if (found == chains_.end()) return absl::OkStatus();
  const int64_t id = found->second.id;
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  RETURN_IF_ERROR(RemoveUnits(id));
  ASSIGN_OR_RETURN(sqlite::Statement remove, database_.Prepare("DELETE FROM relay_chains WHERE id = ?"));
  RETURN_IF_ERROR(remove.BindInt(1, id).Run());
  RETURN_IF_ERROR(transaction.Commit());
  open_.erase(id);
  chains_.erase(found);
  return absl::OkStatus();
}

absl::Status RelayLog::RemoveUnits(int64_t stream) {
  while (true) {
    ASSIGN_OR_RETURN(const bool all, units_.RemoveSome(stream, kRemovedAtOnce));
    if (all) return absl::OkStatus();
  }
}

absl::StatusOr<std::vector<uint64_t>> RelayLog::Take(const std::vector<const wire::UnitPart*>& parts) {
  std::vector<uint64_t> whole;
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  absl::Status taken;
  for (const wire::UnitPart* part : parts) {
    taken = TakePart(*part, &whole);
    if (!taken.ok()) break;
  }
  if (taken.ok() && !whole.empty()) taken = units_.Trim(most_bytes_, whole.front() - 1, holds_);
  if (taken.ok()) taken = transaction.Commit();
  if (taken.ok()) return whole;
  // What is in memory is made again of what is stored.
  { const sqlite::Transaction rolled_back = std::move(transaction); }
  RETURN_IF_ERROR(Load());
  return taken;
}

absl::Status RelayLog::TakePart(const wire::UnitPart& part, std::vector<uint64_t>* whole) {
  const v1::UnitHeader& header = part.header;
  const auto definition = DefinitionHash::FromBytes(header.definition_hash());
  const auto found = definition ? chains_.find(*definition) : chains_.end();
  if (found == chains_.end() || header.kind() == v1::UNIT_KIND_EMPTY) return absl::OkStatus();
  Chain& chain = found->second;
  if (header.part_number() == 1) RETURN_IF_ERROR(Begin(chain, header));
  const auto open = open_.find(chain.id);
  if (open == open_.end()) return absl::OkStatus();
  store::StoredUnit& unit = open->second.unit;
  if (header.part_number() != unit.parts + 1 || header.last_lsn() != unit.last.value) return Drop(open->second);
  unit.parts = header.part_number();
  unit.bytes += part.encoded.size();
  RETURN_IF_ERROR(units_.AddPart(unit.serial, unit.parts, part.encoded));
  if (!header.final_part()) return absl::OkStatus();
  RETURN_IF_ERROR(Finish(chain, open->second));
  whole->push_back(unit.serial);
  open_.erase(open);
  return absl::OkStatus();
}

absl::Status RelayLog::TakeBoundary(const v1::UnitHeader& empty, const std::optional<Position>& shown) {
  const auto definition = DefinitionHash::FromBytes(empty.definition_hash());
  const auto found = definition ? chains_.find(*definition) : chains_.end();
  const auto history = HistoryId::FromBytes(empty.history_id());
  if (found == chains_.end() || !history) return absl::OkStatus();
  Chain& chain = found->second;
  const Lsn prev{empty.prev_lsn()};
  const bool lost = shown && shown->history == *history && shown->definition == *definition && shown->lsn >= prev &&
                    (chain.end.history != *history || chain.end.lsn < prev);
  if (!chain.end.history.empty() && !lost) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  RETURN_IF_ERROR(RemoveUnits(chain.id));
  chain.begin = chain.end = {*history, *definition, prev};
  chain.schema_version = 0;
  RETURN_IF_ERROR(SaveEnd(chain));
  return transaction.Commit();
}

absl::Status RelayLog::Begin(Chain& chain, const v1::UnitHeader& header) {
  if (const auto before = open_.find(chain.id); before != open_.end()) RETURN_IF_ERROR(Drop(before->second));
  const Admission admission = chain.end.history.empty() ? Admission::kOtherHistory : Admit(chain.end, header);
  if (admission == Admission::kAlreadyHave) return absl::OkStatus();
  Incoming& open = open_[chain.id];
  open.leads_on = admission == Admission::kApplied;
  const Position before = Before(chain.end.definition, header);
  open.unit.serial = ++serial_;
  open.unit.stream = chain.id;
  open.unit.history = HistoryId::FromBytes(header.history_id()).value_or(HistoryId());
  open.unit.prev_history = before.history;
  open.unit.prev = before.lsn;
  open.unit.last = Lsn{header.last_lsn()};
  open.unit.until = Lsn{header.until_lsn()};
  open.unit.schema_version = header.schema_version();
  return absl::OkStatus();
}

absl::Status RelayLog::Finish(Chain& chain, Incoming& open) {
  const store::StoredUnit& unit = open.unit;
  if (!open.leads_on) {
    RETURN_IF_ERROR(RemoveUnits(chain.id));
    chain.begin = {unit.prev_history, chain.end.definition, unit.prev};
  }
  RETURN_IF_ERROR(units_.Add(unit));
  chain.end = {unit.history, chain.end.definition, unit.last};
  chain.schema_version = unit.schema_version;
  return SaveEnd(chain);
}

absl::Status RelayLog::SaveEnd(const Chain& chain) {
  ASSIGN_OR_RETURN(sqlite::Statement * update,
                   statements_.Get("UPDATE relay_chains SET begin_history = ?, begin_lsn = ?, end_history = ?, "
                                   "end_lsn = ? WHERE id = ?"));
  update->BindBlob(1, chain.begin.history.view()).BindInt(2, static_cast<int64_t>(chain.begin.lsn.value));
  update->BindBlob(3, chain.end.history.view()).BindInt(4, static_cast<int64_t>(chain.end.lsn.value));
  return update->BindInt(5, chain.id).Run();
}

absl::Status RelayLog::Drop(Incoming& open) {
  ASSIGN_OR_RETURN(sqlite::Statement * parts, statements_.Get("DELETE FROM unit_parts WHERE id BETWEEN ? AND ?"));
  const auto first = static_cast<int64_t>(open.unit.serial << 24);
  parts->BindInt(1, first).BindInt(2, first | 0xffffff);
  RETURN_IF_ERROR(parts->Run());
  open_.erase(open.unit.stream);
  return absl::OkStatus();
}

void RelayLog::Hold(const std::vector<Position>& positions) {
  holds_.clear();
  for (const Position& position : positions) {
    const absl::StatusOr<Way> way = From(position);
    if (!way.ok() || way->step == Way::Step::kNone) continue;
    const uint64_t serial = way->first ? way->first->serial : serial_ + 1;
    const auto [hold, first] = holds_.emplace(Find(position.definition)->id, serial);
    if (!first) hold->second = std::min(hold->second, serial);
  }
}

absl::StatusOr<RelayLog::Way> RelayLog::From(const Position& position) {
  const Chain* chain = Find(position.definition);
  if (chain == nullptr) return Way{Way::Step::kNone, "this relay does not follow that definition"};
  ASSIGN_OR_RETURN(std::optional<store::StoredUnit> unit, units_.Behind(chain->id, position.history, position.lsn));
  if (unit && unit->prev > position.lsn) {
    return Way{Way::Step::kNone,
               absl::StrCat("position ", position.lsn.ToText(),
                            " is older than what this relay keeps, which begins at ", unit->prev.ToText())};
  }
  if (unit && unit->leads_over() && position.lsn > unit->until) {
    return Way{Way::Step::kNone,
               absl::StrCat("position ", position.lsn.ToText(), " is ahead of the history that it is of")};
  }
  if (unit) return Way{.step = Way::Step::kCatchUp, .first = std::move(unit)};
  // A copy that is ahead, fed by another server of the same master, waits here.
  if (position.history == chain->end.history && position.lsn >= chain->end.lsn) return Way{Way::Step::kFollow};
  Way way{Way::Step::kNone, absl::StrCat("no unit that this relay keeps leads on from ", position.ToText())};
  way.unknown = true;
  return way;
}

}  // namespace replicast::relay
