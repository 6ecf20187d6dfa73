#include "server/capture/sqlite_reading.h"

#include <absl/strings/numbers.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "common/base/errors.h"
#include "common/sqlite/database.h"
#include "common/sqlite/declared_type.h"
#include "server/capture/key_identity.h"
#include "server/capture/master_owner.h"
#include "server/capture/relation_sql.h"

namespace replicast::capture {
namespace {

const std::string kTailSql = "SELECT number, mark FROM _replicast_outbox ORDER BY number DESC LIMIT 1";
const std::string kEntrySql = "SELECT mark FROM _replicast_outbox WHERE number = ?1";
const std::string kCookieSql = "PRAGMA schema_version";

// Reads columns into the row that is there, whose strings keep their room.
void ReadColumns(sqlite3_stmt* statement, int first, size_t count, Row* row) {
  row->resize(count);
  for (size_t i = 0; i < count; ++i) {
    const int column = first + static_cast<int>(i);
    Value& value = (*row)[i];
    switch (sqlite3_column_type(statement, column)) {
      case SQLITE_INTEGER:
        value = int64_t{sqlite3_column_int64(statement, column)};
        break;
      case SQLITE_FLOAT:
        value = Real{sqlite3_column_double(statement, column)};
        break;
      case SQLITE_TEXT: {
        if (!std::holds_alternative<Text>(value)) value.emplace<Text>();
        // Not converted: the bytes that the database has.
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
        std::get<Text>(value).bytes.assign(bytes == nullptr ? "" : bytes,
                                           static_cast<size_t>(sqlite3_column_bytes(statement, column)));
        break;
      }
      case SQLITE_BLOB: {
        if (!std::holds_alternative<Blob>(value)) value.emplace<Blob>();
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
        std::get<Blob>(value).bytes.assign(bytes == nullptr ? "" : bytes,
                                           static_cast<size_t>(sqlite3_column_bytes(statement, column)));
        break;
      }
      default:
        value = std::monostate();
    }
  }
}

void KeyInto(const Relation& relation, const Row& row, Row* key) {
  key->resize(relation.key.size());
  for (size_t i = 0; i < key->size(); ++i) (*key)[i] = row[static_cast<size_t>(relation.key[i])];
}

bool HasKey(const Relation& relation, const Row& row, const Row& key) {
  for (size_t i = 0; i < key.size(); ++i) {
    if (row[static_cast<size_t>(relation.key[i])] != key[i]) return false;
  }
  return true;
}

// Equal values of one column that NotedSql's DISTINCT takes for one: both zeros, and the smallest integer and its real.
std::array<Value, 2> TwinsOf(const Value& value) {
  constexpr int64_t kSmallest = std::numeric_limits<int64_t>::min();
  if (const auto* real = std::get_if<Real>(&value)) {
    if (real->number == 0) return {Real{0.0}, Real{-0.0}};
    if (real->number == static_cast<double>(kSmallest)) return {kSmallest, value};
  }
  if (value == Value(kSmallest)) return {value, Real{static_cast<double>(kSmallest)}};
  return {};
}

bool HasTwin(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return *number == std::numeric_limits<int64_t>::min();
  const auto* real = std::get_if<Real>(&value);
  return real != nullptr &&
         (real->number == 0 || real->number == static_cast<double>(std::numeric_limits<int64_t>::min()));
}

// RETURNING k IN (…) makes a text of a number, or a number of a text, in OLD and NEW themselves (SQLite 3.40), which
// triggers AFTER the change see.
std::vector<Value> NumbersOf(const Text& text, TextEncoding encoding) {
  std::vector<Value> values = {text};
  const std::string digits = ToUtf8(text.bytes, encoding);
  int64_t integer = 0;
  double real = 0;
  if (absl::SimpleAtoi(digits, &integer)) {
    values.emplace_back(integer);
  } else if (absl::SimpleAtod(digits, &real)) {
    values.emplace_back(Real{real});
  }
  return values;
}

std::vector<Value> TextOf(const Value& number, TextEncoding encoding) {
  std::array<char, 40> text{};
  if (const auto* integer = std::get_if<int64_t>(&number)) return {Text{FromUtf8(std::to_string(*integer), encoding)}};
  if (const auto* real = std::get_if<Real>(&number))
    return {Text{FromUtf8(sqlite3_snprintf(text.size(), text.data(), "%!.15g", real->number), encoding)}};
  return {};
}

// Without a copy: the key outlives the step that reads it.
void BindKey(const Row& key, sqlite::Statement* statement) {
  for (size_t i = 0; i < key.size(); ++i) statement->BindView(static_cast<int>(i + 1), key[i]);
}

// By LookupSql of the relation. A row with an equal key that isn't identical is another one.
absl::StatusOr<bool> LookUp(sqlite::Statement& lookup, const Relation& relation, const Row& key, Row* row) {
  BindKey(key, &lookup);
  ASSIGN_OR_RETURN(const bool found, lookup.Step());
  if (!found) return false;
  ReadColumns(lookup.handle(), 0, relation.columns.size(), row);
  sqlite3_reset(lookup.handle());  // who hears of the row may take time
  return HasKey(relation, *row, key);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteReading>> SqliteReading::Begin(std::shared_ptr<MasterConnection> connection,
                                                                    Relations relations, const Tail& published,
                                                                    const SourceOptions& options, const Clock& clock) {
  std::unique_ptr<SqliteReading> reading(new SqliteReading(std::move(connection), std::move(relations), options.owner));
  {
    ASSIGN_OR_RETURN(MasterConnection::Lease begin, reading->connection_->Use("BEGIN"));
    RETURN_IF_ERROR(begin->Run());
  }
  reading->begun_ = true;
  reading->wall_ = clock.Wall();
  RETURN_IF_ERROR(reading->ReadTail(published));
  RETURN_IF_ERROR(reading->CheckSchema(options.outbox_capacity));
  return reading;
}

SqliteReading::~SqliteReading() {
  if (!begun_ || !connection_->database().InTransaction()) return;
  absl::StatusOr<MasterConnection::Lease> end = connection_->Use("ROLLBACK");
  if (end.ok()) (*end)->Run().IgnoreError();
}

absl::Status SqliteReading::ReadNewest() {
  ASSIGN_OR_RETURN(MasterConnection::Lease tail, connection_->Use(kTailSql));
  ASSIGN_OR_RETURN(const bool any, tail->Step());
  if (any) newest_ = Tail{static_cast<uint64_t>(tail->Int(0)), tail->Int(1)};
  return absl::OkStatus();
}

absl::Status SqliteReading::ReadTail(const Tail& published) {
  if (absl::Status read = ReadNewest(); !read.ok()) return WhyUnread(std::move(read));
  if (published.number == 0 || newest_ == published) return absl::OkStatus();
  if (newest_.number <= published.number) {
    past_ = Past::kOther;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(MasterConnection::Lease entry, connection_->Use(kEntrySql));
  entry->BindInt(1, static_cast<int64_t>(published.number));
  ASSIGN_OR_RETURN(const bool there, entry->Step());
  if (!there) {
    past_ = Past::kOverflow;
  } else if (entry->Int(0) != published.mark) {
    past_ = Past::kOther;
  }
  return absl::OkStatus();
}

absl::Status SqliteReading::WhyUnread(absl::Status status) {
  sqlite::Database& database = connection_->database();
  const auto there = database.QueryValue("SELECT 1 FROM sqlite_master WHERE name = '_replicast_outbox'");
  if (!there.ok() || *there) return status;
  if (owner_) RETURN_IF_ERROR(CheckOwner(database, *owner_));
  return Error(absl::StatusCode::kFailedPrecondition, "OUTBOX_MISSING", database.path() + " has no outbox any more");
}

absl::Status SqliteReading::CheckSchema(uint64_t outbox_capacity) {
  MasterConnection::SchemaCheck& check = connection_->check;
  ASSIGN_OR_RETURN(const int64_t cookie, connection_->Number(kCookieSql));
  schema_ = cookie;
  // Another past may have another schema under the same cookie.
  if (check.cookie != cookie || check.relations != relations_ || past_ == Past::kOther) {
    if (owner_) RETURN_IF_ERROR(CheckOwner(connection_->database(), *owner_));
    ASSIGN_OR_RETURN(std::vector<Change> changes, CompareSchema(connection_->database(), *relations_, outbox_capacity));
    check = {cookie, relations_, std::make_shared<const std::vector<Change>>(std::move(changes))};
  }
  changes_ = check.changes;
  return absl::OkStatus();
}

// Looks up the rows of noted keys, one relation's statement each.
class SqliteReading::Touched {
 public:
  Touched(SqliteReading& reading, const TouchedFunction& function) : reading_(reading), function_(function) {
    for (const auto& [id, relation] : *reading.relations_) {
      const bool changed = std::any_of(reading.changes_->begin(), reading.changes_->end(),
                                       [&, number = id](const Change& change) { return change.relation == number; });
      if (!changed) entries_.emplace(id, Entry{&relation, NumberColumns(relation), std::nullopt, false});
    }
  }

  // For the noted keys' columns: whether equal values of it may differ in type.
  std::vector<bool> Typed() const {
    std::vector<bool> typed;
    for (const auto& [id, entry] : entries_) {
      const Relation& relation = *entry.relation;
      if (typed.size() < relation.key.size()) typed.resize(relation.key.size());
      for (size_t i = 0; i < relation.key.size(); ++i) {
        if (EqualityOf(relation, i) == Equality::kLoose) typed[i] = true;
      }
    }
    return typed;
  }

  absl::Status Noted(sqlite::Statement& noted) {
    const int64_t id = noted.Int(0);
    const auto found = id > 0 && id <= UINT32_MAX ? entries_.find(static_cast<uint32_t>(id)) : entries_.end();
    if (found == entries_.end()) return absl::OkStatus();
    Entry& entry = found->second;
    RETURN_IF_ERROR(OpenLookup(&entry));
    ReadColumns(noted.handle(), 1, entry.relation->key.size(), &key_);
    entry.noted = true;
    return WithTwinsFrom(entry, 0);
  }

  // What became of the sequences of the noted tables, which no hook notes.
  absl::Status Sequences() {
    const auto sequences = std::find_if(entries_.begin(), entries_.end(), [](const auto& entry) {
      return entry.second.relation->name == sqlite::kSequenceTable;
    });
    if (sequences == entries_.end()) return absl::OkStatus();
    RETURN_IF_ERROR(OpenLookup(&sequences->second));
    for (const auto& [id, entry] : entries_) {
      if (!entry.noted || !entry.relation->autoincrement) continue;
      key_ = {Text{FromUtf8(entry.relation->name, entry.relation->encoding)}};
      RETURN_IF_ERROR(Look(sequences->second));
    }
    return absl::OkStatus();
  }

 private:
  struct Entry {
    const Relation* relation;
    std::vector<bool> numbers;  // of each key column, whether it may hold some
    std::optional<MasterConnection::Lease> lookup;
    bool noted = false;
  };

  absl::Status OpenLookup(Entry* entry) {
    if (entry->lookup) return absl::OkStatus();
    ASSIGN_OR_RETURN(MasterConnection::Lease lookup, reading_.connection_->Use(LookupSql(*entry->relation)));
    entry->lookup.emplace(std::move(lookup));
    return absl::OkStatus();
  }

  static std::vector<bool> NumberColumns(const Relation& relation) {
    std::vector<bool> numbers;
    for (const int place : relation.key)
      numbers.push_back(sqlite::AffinityOf(relation.column(place).type) != sqlite::Affinity::kText);
    return numbers;
  }

  // What a value of a noted key may stand for; nothing: for itself.
  std::vector<Value> MeantBy(const Entry& entry, size_t rank) const {
    const Value& value = key_[rank];
    if (!entry.numbers[rank]) return TextOf(value, entry.relation->encoding);
    if (const auto* text = std::get_if<Text>(&value)) return NumbersOf(*text, entry.relation->encoding);
    if (!HasTwin(value) || entry.relation->keyed_by_rowid()) return {};
    const std::array<Value, 2> twins = TwinsOf(value);
    return {twins.begin(), twins.end()};
  }

  // A key that stands for several is looked up as each of them.
  absl::Status WithTwinsFrom(Entry& entry, size_t rank) {
    std::vector<Value> meant;
    while (rank < key_.size() && (meant = MeantBy(entry, rank)).empty()) ++rank;
    if (rank == key_.size()) return Look(entry);
    const Value noted = key_[rank];
    for (const Value& twin : meant) {
      key_[rank] = twin;
      RETURN_IF_ERROR(WithTwinsFrom(entry, rank + 1));
    }
    key_[rank] = noted;
    return absl::OkStatus();
  }

  absl::Status Look(Entry& entry) {
    ASSIGN_OR_RETURN(const bool found, LookUp(**entry.lookup, *entry.relation, key_, &row_));
    return function_(*entry.relation, key_, found ? &row_ : nullptr);
  }

  SqliteReading& reading_;
  const TouchedFunction& function_;
  Row key_, row_;  // kept for their room
  std::map<uint32_t, Entry> entries_;
};

absl::Status SqliteReading::ForEachTouched(uint64_t after, const TouchedFunction& function) {
  Touched touched(*this, function);
  const std::vector<bool> typed = touched.Typed();
  if (typed.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(MasterConnection::Lease noted, connection_->Use(NotedSql(typed)));
  noted->BindInt(1, static_cast<int64_t>(after)).BindInt(2, static_cast<int64_t>(newest_.number));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, noted->Step());
    if (!more) return touched.Sequences();
    RETURN_IF_ERROR(touched.Noted(*noted));
  }
}

absl::Status SqliteReading::ForEachNoted(uint64_t after, const std::map<uint32_t, size_t>& columns,
                                         const NotedFunction& function) {
  size_t width = 0;
  for (const auto& [id, count] : columns) width = std::max(width, count);
  std::string keys;
  for (size_t i = 0; i < width; ++i) keys += ",k" + std::to_string(i);
  ASSIGN_OR_RETURN(
      MasterConnection::Lease noted,
      connection_->Use("SELECT relation" + keys + " FROM _replicast_outbox WHERE number>?1 AND number<=?2"));
  noted->BindInt(1, static_cast<int64_t>(after)).BindInt(2, static_cast<int64_t>(newest_.number));
  Row key;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, noted->Step());
    if (!more) return absl::OkStatus();
    const int64_t id = noted->Int(0);
    const auto wanted = id > 0 && id <= UINT32_MAX ? columns.find(static_cast<uint32_t>(id)) : columns.end();
    if (wanted == columns.end()) continue;
    ReadColumns(noted->handle(), 1, wanted->second, &key);
    RETURN_IF_ERROR(function(wanted->first, key));
  }
}

absl::Status SqliteReading::ForEachRow(const Relation& relation, const Row* after_key, const RowFunction& function) {
  ASSIGN_OR_RETURN(MasterConnection::Lease rows, connection_->Use(RangeSql(relation, after_key != nullptr)));
  if (after_key != nullptr) {
    for (size_t i = 0; i < after_key->size(); ++i) rows->Bind(static_cast<int>(i + 1), (*after_key)[i]);
  }
  Row key, row;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows->Step());
    if (!more) return absl::OkStatus();
    ReadColumns(rows->handle(), 0, relation.columns.size(), &row);
    KeyInto(relation, row, &key);
    ASSIGN_OR_RETURN(const bool wanted, function(key, row));
    if (!wanted) return absl::OkStatus();
  }
}

absl::StatusOr<bool> SqliteReading::Find(const Relation& relation, const Row& key, Row* row) {
  ASSIGN_OR_RETURN(MasterConnection::Lease lookup, connection_->Use(LookupSql(relation)));
  return LookUp(*lookup, relation, key, row);
}

absl::StatusOr<uint64_t> SqliteReading::CountRows(const Relation& relation) {
  ASSIGN_OR_RETURN(
      const int64_t count,
      connection_->Number("SELECT count(*) FROM " +
                          sqlite::QuoteIdentifier(relation.shadow.empty() ? relation.name : relation.shadow)));
  return static_cast<uint64_t>(count);
}

}  // namespace replicast::capture
