#include "server/capture/sqlite_reading.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "server/capture/schema_reader.h"
#include "server/capture/update_hook.h"

namespace replicast::capture {
namespace {

using sqlite::QuoteIdentifier;

std::string ColumnList(const Relation& relation) {
  std::string text;
  for (const RelationColumn& column : relation.columns) text += (text.empty() ? "" : ",") + QuoteIdentifier(column.name);
  return text;
}

std::string KeyList(const Relation& relation) {
  std::string text;
  for (const int place : relation.key) text += (text.empty() ? "" : ",") + QuoteIdentifier(relation.columns[static_cast<size_t>(place)].name);
  return text;
}

// `k = ?` finds the place in the index; `IS` under BINARY leaves out what is only equal.
std::string LookupSql(const Relation& relation) {
  std::string where;
  for (size_t i = 0; i < relation.key.size(); ++i) {
    const std::string name = QuoteIdentifier(relation.columns[static_cast<size_t>(relation.key[i])].name);
    const std::string parameter = "?" + std::to_string(i + 1);
    where += (where.empty() ? "" : " AND ") + name + " = " + parameter;
    if (!relation.integer_primary_key) where += " AND " + name + " COLLATE BINARY IS " + parameter;
  }
  return "SELECT " + ColumnList(relation) + " FROM " + QuoteIdentifier(relation.name) + " WHERE " + where;
}

std::string RangeSql(const Relation& relation, bool from_key) {
  std::string sql = "SELECT " + ColumnList(relation) + " FROM " + QuoteIdentifier(relation.name);
  if (from_key) {
    std::string parameters;
    for (size_t i = 0; i < relation.key.size(); ++i) parameters += (i == 0 ? "?" : ",?");
    sql += " WHERE (" + KeyList(relation) + ") > (" + parameters + ")";
  }
  return sql + " ORDER BY " + KeyList(relation);
}

std::string Different(const std::string& table, const std::string& what) {
  return "table " + table + ": " + what + "; create the dataset again (replicast dataset delete, then create)";
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteReading>> SqliteReading::Begin(std::shared_ptr<MasterConnection> connection, Relations relations,
                                                                    const Tail& published, uint64_t outbox_capacity, const Clock& clock) {
  std::unique_ptr<SqliteReading> reading(new SqliteReading(std::move(connection), std::move(relations)));
  RETURN_IF_ERROR(reading->connection_->database->Execute("BEGIN"));
  reading->wall_ = clock.Wall();
  RETURN_IF_ERROR(reading->ReadTail(published));
  RETURN_IF_ERROR(reading->CheckSchema(outbox_capacity));
  return reading;
}

SqliteReading::~SqliteReading() {
  for (auto& [id, lookup] : connection_->lookups) lookup.statement.Reset();
  if (connection_->database->InTransaction()) connection_->database->Execute("ROLLBACK").IgnoreError();
}

absl::Status SqliteReading::ReadTail(const Tail& published) {
  sqlite::Database& database = *connection_->database;
  absl::StatusOr<sqlite::Statement> prepared = database.Prepare("SELECT number, mark FROM _replicast_outbox ORDER BY number DESC LIMIT 1");
  if (!prepared.ok()) {
    const auto there = database.QueryValue("SELECT 1 FROM sqlite_master WHERE name = '_replicast_outbox'");
    if (!there.ok() || *there) return prepared.status();
    return Error(absl::StatusCode::kFailedPrecondition, "OUTBOX_MISSING",
                 database.path() + " has no outbox: it was replaced, or `replicastd remove` was run; run `replicastd init` again with --take-over");
  }
  ASSIGN_OR_RETURN(const bool any, prepared->Step());
  if (any) newest_ = Tail{static_cast<uint64_t>(prepared->Int(0)), prepared->Int(1)};
  if (published.number == 0 || newest_ == published) return absl::OkStatus();
  if (newest_.number <= published.number) {
    past_ = Past::kOther;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(sqlite::Statement entry, database.Prepare("SELECT mark FROM _replicast_outbox WHERE number = ?"));
  entry.BindInt(1, static_cast<int64_t>(published.number));
  ASSIGN_OR_RETURN(const bool there, entry.Step());
  if (!there) past_ = Past::kOverflow;
  else if (entry.Int(0) != published.mark) past_ = Past::kOther;
  return absl::OkStatus();
}

absl::Status SqliteReading::CheckSchema(uint64_t outbox_capacity) {
  sqlite::Database& database = *connection_->database;
  ASSIGN_OR_RETURN(const auto cookie, database.QueryValue("PRAGMA schema_version"));
  if (std::get<int64_t>(*cookie) == connection_->checked_cookie) return absl::OkStatus();
  connection_->changes.clear();
  ASSIGN_OR_RETURN(const HookTexts installed, InstalledTriggers(database));
  const auto as_installed = [&](const HookTexts& texts) {
    return std::all_of(texts.begin(), texts.end(), [&](const auto& each) {
      const auto found = installed.find(each.first);
      return found != installed.end() && found->second == each.second;
    });
  };
  const bool trimmed = as_installed({{kTrimTrigger, TrimTrigger(outbox_capacity)}});
  for (const auto& [id, relation] : *relations_) {
    const absl::StatusOr<Relation> now = ReadRelation(database, relation.name);
    if (!now.ok()) connection_->changes.push_back({id, Different(relation.name, std::string(now.status().message()))});
    else if (now->ddl != relation.ddl) connection_->changes.push_back({id, Different(relation.name, "its schema has changed")});
    else if (!trimmed || !as_installed(TriggersOf(relation))) connection_->changes.push_back({id, Different(relation.name, "its triggers were dropped or changed")});
  }
  connection_->checked_cookie = std::get<int64_t>(*cookie);
  return absl::OkStatus();
}

absl::Status SqliteReading::ForEachTouched(uint64_t after, const TouchedFunction& function) {
  size_t keys = 0;
  for (const auto& [id, relation] : *relations_) keys = std::max(keys, relation.key.size());
  if (keys == 0) return absl::OkStatus();
  // typeof beside each key: DISTINCT alone takes 1 and 1.0 for the same.
  std::string columns;
  for (size_t i = 0; i < keys; ++i) columns += ",k" + std::to_string(i) + ",typeof(k" + std::to_string(i) + ")";
  ASSIGN_OR_RETURN(sqlite::Statement noted, connection_->database->Prepare("SELECT DISTINCT relation" + columns +
                                                                           " FROM _replicast_outbox WHERE number > ? AND number <= ?"));
  noted.BindInt(1, static_cast<int64_t>(after)).BindInt(2, static_cast<int64_t>(newest_.number));
  Row key;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, noted.Step());
    if (!more) return absl::OkStatus();
    const auto relation = relations_->find(static_cast<uint32_t>(noted.Int(0)));
    if (relation == relations_->end()) continue;
    key.clear();
    for (size_t i = 0; i < relation->second.key.size(); ++i) key.push_back(noted.Column(static_cast<int>(1 + 2 * i)));
    RETURN_IF_ERROR(Touch(relation->second, key, function));
  }
}

absl::Status SqliteReading::Touch(const Relation& relation, const Row& key, const TouchedFunction& function) {
  ASSIGN_OR_RETURN(sqlite::Statement* lookup, LookupOf(relation));
  for (size_t i = 0; i < key.size(); ++i) lookup->Bind(static_cast<int>(i + 1), key[i]);
  ASSIGN_OR_RETURN(const bool found, lookup->Step());
  Row row;
  if (found) row = lookup->Columns(0, static_cast<int>(relation.columns.size()));
  lookup->Reset();
  // A row with an equal but not identical key is another row.
  return function(relation, key, found && relation.KeyOf(row) == key ? &row : nullptr);
}

absl::StatusOr<sqlite::Statement*> SqliteReading::LookupOf(const Relation& relation) {
  const auto found = connection_->lookups.find(relation.id);
  if (found != connection_->lookups.end() && found->second.ddl == relation.ddl) return &found->second.statement;
  connection_->lookups.erase(relation.id);
  ASSIGN_OR_RETURN(sqlite::Statement statement, connection_->database->Prepare(LookupSql(relation)));
  return &connection_->lookups.emplace(relation.id, MasterConnection::Lookup{relation.ddl, std::move(statement)}).first->second.statement;
}

absl::Status SqliteReading::ForEachRow(const Relation& relation, const Row* after_key, const RowFunction& function) {
  ASSIGN_OR_RETURN(sqlite::Statement rows, connection_->database->Prepare(RangeSql(relation, after_key != nullptr)));
  if (after_key != nullptr) {
    for (size_t i = 0; i < after_key->size(); ++i) rows.Bind(static_cast<int>(i + 1), (*after_key)[i]);
  }
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows.Step());
    if (!more) return absl::OkStatus();
    const Row row = rows.Columns(0, static_cast<int>(relation.columns.size()));
    ASSIGN_OR_RETURN(const bool wanted, function(relation.KeyOf(row), row));
    if (!wanted) return absl::OkStatus();
  }
}

absl::StatusOr<uint64_t> SqliteReading::CountRows(const Relation& relation) {
  ASSIGN_OR_RETURN(const auto count, connection_->database->QueryValue("SELECT count(*) FROM " + QuoteIdentifier(relation.name)));
  return static_cast<uint64_t>(std::get<int64_t>(*count));
}

}  // namespace replicast::capture
