#include "server/store/unit_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::store {
namespace {

constexpr size_t kTableStateBytes = 24;
constexpr uint64_t kMarkBytes = 1 << 20;

int64_t PartId(uint64_t serial, uint32_t number) {
  REPLICAST_CHECK(number < 1u << 24);
  return static_cast<int64_t>(serial << 24 | number);
}

}  // namespace

std::string EncodeTableStates(const std::vector<TableState>& states) {
  std::string bytes;
  bytes.reserve(states.size() * kTableStateBytes);
  for (const TableState& state : states) {
    bytes += state.digest.ToBytes();
    AppendBigEndian64(&bytes, state.rows);
  }
  return bytes;
}

std::vector<TableState> DecodeTableStates(std::string_view bytes) {
  std::vector<TableState> states;
  for (; bytes.size() >= kTableStateBytes; bytes.remove_prefix(kTableStateBytes)) {
    states.push_back({*Digest::FromBytes(bytes.substr(0, 16)), ReadBigEndian64(bytes.data() + 16)});
  }
  return states;
}

absl::Status UnitStore::Load() {
  bytes_ = added_ = 0;
  marks_.clear();
  stream_bytes_.clear();
  ASSIGN_OR_RETURN(sqlite::Statement * all, statements_.Get("SELECT serial, stream, bytes FROM units ORDER BY serial"));
  while (true) {
    ASSIGN_OR_RETURN(bool found, all->Step());
    if (!found) return absl::OkStatus();
    Count(static_cast<uint64_t>(all->Int(0)), all->Int(1), static_cast<uint64_t>(all->Int(2)));
  }
}

void UnitStore::Count(uint64_t serial, int64_t stream, uint64_t bytes) {
  if (marks_.empty() || added_ - marks_.back().added >= kMarkBytes) marks_.push_back({serial, added_});
  added_ += bytes;
  bytes_ += bytes;
  stream_bytes_[stream] += bytes;
}

uint64_t UnitStore::BytesFrom(uint64_t serial) const {
  const auto behind = std::upper_bound(marks_.begin(), marks_.end(), serial,
                                       [](uint64_t wanted, const Mark& mark) { return wanted < mark.serial; });
  return behind == marks_.begin() ? bytes_ : std::min(bytes_, added_ - std::prev(behind)->added);
}

absl::Status UnitStore::AddPart(uint64_t serial, uint32_t number, std::string_view data) {
  ASSIGN_OR_RETURN(sqlite::Statement * add, statements_.Get("INSERT INTO unit_parts(id, data) VALUES(?, ?)"));
  add->BindInt(1, PartId(serial, number));
  add->BindBlob(2, data);
  return add->Run();
}

absl::Status UnitStore::Add(const StoredUnit& unit) {
  ASSIGN_OR_RETURN(
      sqlite::Statement * add,
      statements_.Get(
          "INSERT INTO units(serial, stream, history, prev_history, is_history, prev_lsn, last_lsn, "
          "until_lsn, parts, bytes, tables_before, schema_version) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  add->BindInt(1, static_cast<int64_t>(unit.serial));
  add->BindInt(2, unit.stream);
  add->BindBlob(3, unit.history.view());
  add->BindBlob(4, unit.prev_history.view());
  add->BindInt(5, unit.leads_over() ? 1 : 0);
  add->BindInt(6, static_cast<int64_t>(unit.prev.value));
  add->BindInt(7, static_cast<int64_t>(unit.last.value));
  add->BindInt(8, static_cast<int64_t>(unit.until.value));
  add->BindInt(9, unit.parts);
  add->BindInt(10, static_cast<int64_t>(unit.bytes));
  add->BindBlob(11, EncodeTableStates(unit.before));
  add->BindInt(12, static_cast<int64_t>(unit.schema_version));
  RETURN_IF_ERROR(add->Run());
  Count(unit.serial, unit.stream, unit.bytes);
  return absl::OkStatus();
}

absl::StatusOr<std::string> UnitStore::Part(uint64_t serial, uint32_t number) {
  ASSIGN_OR_RETURN(sqlite::Statement * select, statements_.Get("SELECT data FROM unit_parts WHERE id = ?"));
  select->BindInt(1, PartId(serial, number));
  ASSIGN_OR_RETURN(bool found, select->Step());
  if (!found) {
    return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
                 "the unit store lost a part of a unit: restore the server's directory from a backup");
  }
  std::string data = select->Bytes(0);
  select->Reset();
  return data;
}

#define REPLICAST_SELECT_UNIT                                                                                  \
  "SELECT serial, stream, history, prev_history, prev_lsn, last_lsn, until_lsn, parts, bytes, tables_before, " \
  "schema_version FROM units "

absl::StatusOr<std::optional<StoredUnit>> UnitStore::One(sqlite::Statement& statement) {
  ASSIGN_OR_RETURN(bool found, statement.Step());
  if (!found) return std::optional<StoredUnit>();
  StoredUnit unit;
  unit.serial = static_cast<uint64_t>(statement.Int(0));
  unit.stream = statement.Int(1);
  std::optional<HistoryId> history = HistoryId::FromBytes(statement.BytesView(2));
  std::optional<HistoryId> prev_history = HistoryId::FromBytes(statement.BytesView(3));
  if (!history.has_value() || !prev_history.has_value()) {
    return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
                 "the unit store holds a malformed unit: restore the server's directory from a backup");
  }
  unit.history = *history;
  unit.prev_history = *prev_history;
  unit.prev.value = static_cast<uint64_t>(statement.Int(4));
  unit.last.value = static_cast<uint64_t>(statement.Int(5));
  unit.until.value = static_cast<uint64_t>(statement.Int(6));
  unit.parts = static_cast<uint32_t>(statement.Int(7));
  unit.bytes = static_cast<uint64_t>(statement.Int(8));
  unit.before = DecodeTableStates(statement.BytesView(9));
  unit.schema_version = static_cast<uint64_t>(statement.Int(10));
  statement.Reset();
  return std::optional<StoredUnit>(std::move(unit));
}

absl::StatusOr<std::optional<StoredUnit>> UnitStore::Get(uint64_t serial) {
  ASSIGN_OR_RETURN(sqlite::Statement * select, statements_.Get(REPLICAST_SELECT_UNIT "WHERE serial = ?"));
  select->BindInt(1, static_cast<int64_t>(serial));
  return One(*select);
}

absl::StatusOr<std::optional<StoredUnit>> UnitStore::Oldest(int64_t stream) {
  ASSIGN_OR_RETURN(sqlite::Statement * select,
                   statements_.Get(REPLICAST_SELECT_UNIT "WHERE stream = ? ORDER BY serial LIMIT 1"));
  select->BindInt(1, stream);
  return One(*select);
}

absl::StatusOr<std::optional<StoredUnit>> UnitStore::Behind(int64_t stream, const HistoryId& history, Lsn lsn) {
  ASSIGN_OR_RETURN(
      sqlite::Statement * within,
      statements_.Get(REPLICAST_SELECT_UNIT "WHERE stream = ? AND prev_history = ? AND is_history = 0 AND last_lsn > ? "
                                            "ORDER BY last_lsn LIMIT 1"));
  within->BindInt(1, stream);
  within->BindBlob(2, history.view());
  within->BindInt(3, static_cast<int64_t>(lsn.value));
  ASSIGN_OR_RETURN(std::optional<StoredUnit> unit, One(*within));
  if (unit.has_value()) return unit;
  ASSIGN_OR_RETURN(
      sqlite::Statement * over,
      statements_.Get(REPLICAST_SELECT_UNIT "WHERE stream = ? AND prev_history = ? AND is_history = 1 LIMIT 1"));
  over->BindInt(1, stream);
  over->BindBlob(2, history.view());
  return One(*over);
}

absl::StatusOr<std::optional<Lsn>> UnitStore::BeginningOf(int64_t stream, const HistoryId& history) {
  ASSIGN_OR_RETURN(sqlite::Statement * select,
                   statements_.Get("SELECT last_lsn FROM units WHERE stream = ? AND is_history = 1 "
                                   "AND history = ? ORDER BY serial DESC LIMIT 1"));
  select->BindInt(1, stream);
  select->BindBlob(2, history.view());
  ASSIGN_OR_RETURN(bool found, select->Step());
  if (!found) return std::optional<Lsn>();
  Lsn lsn{static_cast<uint64_t>(select->Int(0))};
  select->Reset();
  return std::optional<Lsn>(lsn);
}

absl::StatusOr<bool> UnitStore::AnyAfter(int64_t stream, uint64_t serial) {
  ASSIGN_OR_RETURN(sqlite::Statement * select,
                   statements_.Get("SELECT 1 FROM units WHERE stream = ? AND serial > ? LIMIT 1"));
  select->BindInt(1, stream).BindInt(2, static_cast<int64_t>(serial));
  ASSIGN_OR_RETURN(const bool found, select->Step());
  select->Reset();
  return found;
}

absl::StatusOr<std::optional<StoredUnit>> UnitStore::After(uint64_t serial) {
  ASSIGN_OR_RETURN(sqlite::Statement * select,
                   statements_.Get(REPLICAST_SELECT_UNIT "WHERE serial > ? ORDER BY serial LIMIT 1"));
  select->BindInt(1, static_cast<int64_t>(serial));
  return One(*select);
}

absl::Status UnitStore::Trim(uint64_t most_bytes, uint64_t keep_above, const Holds& holds) {
  uint64_t others = 0;  // bytes of what nobody asks for, and that may go later
  if (!holds.empty() && bytes_ > most_bytes) {
    RETURN_IF_ERROR(TrimUnheld(most_bytes, keep_above, holds));
    for (const auto& [stream, bytes] : stream_bytes_) others += holds.contains(stream) ? 0 : bytes;
  }
  while (bytes_ > most_bytes + others) {
    ASSIGN_OR_RETURN(std::optional<StoredUnit> oldest, After(0));
    if (!oldest.has_value() || oldest->serial > keep_above) return absl::OkStatus();
    RETURN_IF_ERROR(Remove(*oldest));
  }
  return absl::OkStatus();
}

// Each stream loses its oldest units first, so that it stays one chain.
absl::Status UnitStore::TrimUnheld(uint64_t most_bytes, uint64_t keep_above, const Holds& holds) {
  std::map<uint64_t, StoredUnit> oldest;  // that may go, one of each stream, by serial
  const auto consider = [&](int64_t stream) -> absl::Status {
    ASSIGN_OR_RETURN(std::optional<StoredUnit> unit, Oldest(stream));
    const auto hold = holds.find(stream);
    if (!unit || unit->serial > keep_above || (hold != holds.end() && unit->serial >= hold->second))
      return absl::OkStatus();
    oldest.emplace(unit->serial, *std::move(unit));
    return absl::OkStatus();
  };
  for (const auto& [stream, bytes] : stream_bytes_) RETURN_IF_ERROR(consider(stream));
  while (bytes_ > most_bytes && !oldest.empty()) {
    const StoredUnit unit = std::move(oldest.begin()->second);
    oldest.erase(oldest.begin());
    RETURN_IF_ERROR(Remove(unit));
    RETURN_IF_ERROR(consider(unit.stream));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> UnitStore::RemoveSome(int64_t stream, int count) {
  for (int i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(std::optional<StoredUnit> unit, Oldest(stream));
    if (!unit.has_value()) {
      stream_bytes_.erase(stream);
      return true;
    }
    RETURN_IF_ERROR(Remove(*unit));
  }
  return false;
}

absl::Status UnitStore::Remove(const StoredUnit& unit) {
  ASSIGN_OR_RETURN(sqlite::Statement * parts, statements_.Get("DELETE FROM unit_parts WHERE id BETWEEN ? AND ?"));
  parts->BindInt(1, PartId(unit.serial, 0));
  parts->BindInt(2, PartId(unit.serial, (1u << 24) - 1));
  RETURN_IF_ERROR(parts->Run());
  ASSIGN_OR_RETURN(sqlite::Statement * remove, statements_.Get("DELETE FROM units WHERE serial = ?"));
  remove->BindInt(1, static_cast<int64_t>(unit.serial));
  RETURN_IF_ERROR(remove->Run());
  bytes_ -= unit.bytes;
  stream_bytes_[unit.stream] -= unit.bytes;
  while (marks_.size() > 1 && marks_[1].serial <= unit.serial) marks_.pop_front();
  return absl::OkStatus();
}

uint64_t UnitStore::bytes(int64_t stream) const {
  auto found = stream_bytes_.find(stream);
  return found == stream_bytes_.end() ? 0 : found->second;
}

}  // namespace replicast::store
