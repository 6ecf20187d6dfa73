#include "server/source/fake_source.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/errors.h"

namespace replicast {

// Copied when it is written while a reading or a backup holds it; tables and outbox likewise, one by one.
struct FakeSource::Data {
  using Rows = std::map<std::string, Row>;  // by encoded key
  struct Entry {
    int64_t mark = 0;
    uint32_t relation = 0;
    Row key;
  };
  using Outbox = std::map<uint64_t, Entry>;
  struct Table {
    Relation relation;
    uint32_t hook = 0;  // the relation's number in its triggers; 0: there are none
    std::shared_ptr<Rows> rows = std::make_shared<Rows>();
  };
  int64_t schema = 0;
  std::map<std::string, Table> tables;
  std::map<std::string, View> views;
  std::shared_ptr<Outbox> outbox = std::make_shared<Outbox>();
};

namespace {

template <typename T>
T& Own(std::shared_ptr<T>& shared) {
  if (shared.use_count() > 1) shared = std::make_shared<T>(*shared);
  return *shared;
}

std::string Encoded(const Relation& relation, const Row& key) { return EncodeOrderedKey(key, relation.key_collations); }

}  // namespace

class FakeSource::FakeReading : public Reading {
 public:
  FakeReading(std::shared_ptr<const Data> data, std::map<uint32_t, Relation> captured, const Tail& published,
              absl::Duration wall_offset, std::function<void()> on_row)
      : data_(std::move(data)), captured_(std::move(captured)), wall_offset_(wall_offset), on_row_(std::move(on_row)) {
    const Data::Outbox& outbox = *data_->outbox;
    newest_ = {outbox.rbegin()->first, outbox.rbegin()->second.mark};
    auto entry = outbox.find(published.number);
    if (newest_.number < published.number) {
      past_ = Past::kOther;
    } else if (entry == outbox.end()) {
      past_ = Past::kOverflow;
    } else if (entry->second.mark != published.mark) {
      past_ = Past::kOther;
    }
    for (const auto& [id, relation] : captured_) {
      auto table = data_->tables.find(relation.name);
      if (table == data_->tables.end()) {
        changes_.push_back({id, absl::StrCat("table ", relation.name, " was dropped")});
      } else if (table->second.relation.ddl != relation.ddl) {
        changes_.push_back({id, absl::StrCat("table ", relation.name, " was altered")});
      } else if (table->second.hook != id) {
        changes_.push_back({id, absl::StrCat("the triggers of table ", relation.name, " are gone")});
      }
    }
  }

  Tail newest() const override { return newest_; }
  Past past() const override { return past_; }
  absl::Time wall() const override {
    return absl::FromUnixSeconds(1'700'000'000 + static_cast<int64_t>(newest_.number)) + wall_offset_;
  }
  int64_t schema() const override { return data_->schema; }
  const std::vector<Change>& changes() const override { return changes_; }

  absl::Status ForEachTouched(uint64_t after, const TouchedFunction& function) override {
    std::set<std::pair<uint32_t, std::string>> done;
    for (auto entry = data_->outbox->upper_bound(after); entry != data_->outbox->end(); ++entry) {
      auto relation = captured_.find(entry->second.relation);
      if (relation == captured_.end()) continue;
      std::string key = Encoded(relation->second, entry->second.key);
      if (!done.emplace(relation->first, key).second) continue;
      auto table = data_->tables.find(relation->second.name);
      const Row* row = nullptr;
      if (table != data_->tables.end()) {
        auto found = table->second.rows->find(key);
        if (found != table->second.rows->end()) row = &found->second;
      }
      if (on_row_) on_row_();
      RETURN_IF_ERROR(function(relation->second, entry->second.key, row));
    }
    return absl::OkStatus();
  }

  absl::Status ForEachNoted(uint64_t after, const std::map<uint32_t, size_t>& columns,
                            const NotedFunction& function) override {
    for (auto entry = data_->outbox->upper_bound(after); entry != data_->outbox->end(); ++entry) {
      if (columns.count(entry->second.relation) == 0) continue;
      RETURN_IF_ERROR(function(entry->second.relation, entry->second.key));
    }
    return absl::OkStatus();
  }

  absl::Status ForEachRow(const Relation& relation, const Row* after_key, const RowFunction& function) override {
    auto table = data_->tables.find(relation.name);
    if (table == data_->tables.end()) return Error(absl::StatusCode::kNotFound, "TABLE_UNKNOWN", "no such table");
    const Data::Rows& rows = *table->second.rows;
    for (auto row = after_key == nullptr ? rows.begin() : rows.upper_bound(Encoded(relation, *after_key));
         row != rows.end(); ++row) {
      if (on_row_) on_row_();
      ASSIGN_OR_RETURN(bool more, function(relation.KeyOf(row->second), row->second));
      if (!more) break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Find(const Relation& relation, const Row& key, Row* row) override {
    auto table = data_->tables.find(relation.name);
    if (table == data_->tables.end()) return false;
    auto found = table->second.rows->find(Encoded(relation, key));
    if (found == table->second.rows->end()) return false;
    *row = found->second;
    return true;
  }

  absl::StatusOr<uint64_t> CountRows(const Relation& relation) override {
    auto table = data_->tables.find(relation.name);
    return table == data_->tables.end() ? uint64_t{0} : uint64_t{table->second.rows->size()};
  }

 private:
  std::shared_ptr<const Data> data_;
  std::map<uint32_t, Relation> captured_;
  const absl::Duration wall_offset_;
  std::function<void()> on_row_;
  Tail newest_;
  Past past_ = Past::kSame;
  std::vector<Change> changes_;
};

FakeSource::FakeSource(uint64_t seed) : random_(seed), data_(std::make_shared<Data>()) {
  (*data_->outbox)[1] = {static_cast<int64_t>(random_.Next()), 0, {}};
}

Relation FakeSource::MakeRelation(const std::string& name,
                                  const std::vector<std::pair<std::string, std::string>>& columns,
                                  const std::vector<std::string>& key) {
  Relation relation;
  relation.name = name;
  relation.ddl = absl::StrCat("CREATE TABLE ", name);
  for (const auto& [column, type] : columns) relation.columns.push_back({column, type, Collation::kBinary, false});
  for (const std::string& part : key) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].first == part) relation.key.push_back(static_cast<int>(i));
    }
    relation.key_collations.push_back(Collation::kBinary);
  }
  REPLICAST_CHECK(!key.empty() && relation.key.size() == key.size());
  relation.integer_primary_key = key.size() == 1 && columns[static_cast<size_t>(relation.key[0])].second == "INTEGER";
  return relation;
}

FakeSource::Data& FakeSource::Mine() { return Own(data_); }

FakeSource::Data& FakeSource::Altering() {
  Mine().schema = ++schemas_;
  return Mine();
}

void FakeSource::CreateTable(const Relation& relation) { Altering().tables[relation.name].relation = relation; }

void FakeSource::DropTable(const std::string& table) { Altering().tables.erase(table); }

void FakeSource::AlterTable(const std::string& table) { Altering().tables.at(table).relation.ddl += " -- altered"; }

void FakeSource::AlterTable(const Relation& relation, const std::function<Row(const Row&)>& renew, bool by_copy) {
  Data::Table& table = Altering().tables.at(relation.name);
  auto rows = std::make_shared<Data::Rows>();
  for (const auto& [key, row] : *table.rows) {
    Row renewed = renew(row);
    (*rows)[Encoded(relation, relation.KeyOf(renewed))] = std::move(renewed);
  }
  table.rows = std::move(rows);
  const std::string before = table.relation.ddl;
  table.relation = relation;
  table.relation.ddl = absl::StrCat(before, " -- altered ", schemas_);
  if (by_copy) table.hook = 0;
}

void FakeSource::ReindexTable(const Relation& relation) { Altering().tables.at(relation.name).relation = relation; }

void FakeSource::RenameTable(const std::string& table, const std::string& name) {
  Data& data = Altering();
  Data::Table renamed = std::move(data.tables.at(table));
  data.tables.erase(table);
  renamed.relation.name = name;
  renamed.relation.ddl += " -- as " + name;
  data.tables[name] = std::move(renamed);
}

void FakeSource::DropTriggers(const std::string& table) { Altering().tables.at(table).hook = 0; }

void FakeSource::CreateView(const View& view) { Altering().views[view.name] = view; }

void FakeSource::MakeUnsupported(const std::string& table, const std::string& reason) { unsupported_[table] = reason; }

void FakeSource::Begin() {
  REPLICAST_CHECK(!open_.has_value());
  open_.emplace();
}

void FakeSource::Commit() {
  REPLICAST_CHECK(open_.has_value());
  const std::vector<Write> writes = *std::move(open_);
  open_.reset();
  for (const Write& write : writes) Apply(write);
}

void FakeSource::Rollback() { open_.reset(); }

void FakeSource::Put(const std::string& table, const Row& row) {
  Do({table, data_->tables.at(table).relation.KeyOf(row), row, true});
}

void FakeSource::Remove(const std::string& table, const Row& key) { Do({table, key, std::nullopt, true}); }

void FakeSource::PutUnnoticed(const std::string& table, const Row& row) {
  Do({table, data_->tables.at(table).relation.KeyOf(row), row, false});
}

void FakeSource::RemoveUnnoticed(const std::string& table, const Row& key) { Do({table, key, std::nullopt, false}); }

void FakeSource::Do(Write write) {
  if (open_.has_value()) {
    open_->push_back(std::move(write));
  } else {
    Apply(write);
  }
}

void FakeSource::Apply(const Write& write) {
  Data& data = Mine();
  Data::Table& table = data.tables.at(write.table);
  std::string key = Encoded(table.relation, write.key);
  if (write.row.has_value()) {
    Own(table.rows)[key] = *write.row;
  } else {
    Own(table.rows).erase(key);
  }
  if (!write.noticed || table.hook == 0) return;
  Data::Outbox& outbox = Own(data.outbox);
  uint64_t number = outbox.rbegin()->first + 1;
  outbox[number] = {static_cast<int64_t>(random_.Next()), table.hook, write.key};
  while (outbox.size() > 1 && outbox.begin()->first + capacity_ <= number) outbox.erase(outbox.begin());
}

void FakeSource::Restore(const Backup& backup) { data_ = std::make_shared<Data>(*backup); }

std::vector<Row> FakeSource::Rows(const std::string& table) const {
  std::vector<Row> rows;
  for (const auto& [key, row] : *data_->tables.at(table).rows) rows.push_back(row);
  return rows;
}

Tail FakeSource::newest() const { return {data_->outbox->rbegin()->first, data_->outbox->rbegin()->second.mark}; }

std::vector<std::string> FakeSource::captured() const {
  std::vector<std::string> names;
  for (const auto& [id, relation] : captured_) names.push_back(relation.name);
  return names;
}

absl::StatusOr<Relation> FakeSource::Describe(const std::string& table) {
  auto found = data_->tables.find(table);
  if (found == data_->tables.end()) {
    return Error(absl::StatusCode::kNotFound, "TABLE_UNKNOWN", absl::StrCat("there is no table ", table));
  }
  if (auto refused = unsupported_.find(table); refused != unsupported_.end()) {
    return Error(absl::StatusCode::kFailedPrecondition, "TABLE_UNSUPPORTED",
                 absl::StrCat("table ", table, " ", refused->second));
  }
  Relation relation = found->second.relation;
  relation.captured_as = found->second.hook;
  return relation;
}

absl::StatusOr<std::vector<std::string>> FakeSource::Tables() {
  std::vector<std::string> names;
  for (const auto& [name, table] : data_->tables) names.push_back(name);
  return names;
}

absl::StatusOr<std::vector<View>> FakeSource::Views() {
  std::vector<View> views;
  for (const auto& [name, view] : data_->views) views.push_back(view);
  return views;
}

absl::StatusOr<std::vector<Reading::Change>> FakeSource::Capture(const std::vector<Relation>& relations) {
  RETURN_IF_ERROR(capture_failure_);
  Data& data = Mine();
  std::vector<Reading::Change> changes;
  for (const auto& [id, relation] : captured_) {
    auto table = data.tables.find(relation.name);
    if (table == data.tables.end() || table->second.hook != id)
      changes.push_back({id, "table " + relation.name + " is not as it was left"});
  }
  captured_.clear();
  for (auto& [name, table] : data.tables) table.hook = 0;
  for (const Relation& relation : relations) {
    REPLICAST_CHECK(relation.id != 0);
    captured_[relation.id] = relation;
    data.tables.at(relation.name).hook = relation.id;
  }
  return changes;
}

void FakeSource::Attach(const std::vector<Relation>& relations) {
  captured_.clear();
  for (const Relation& relation : relations) captured_[relation.id] = relation;
}

absl::StatusOr<std::unique_ptr<Reading>> FakeSource::NewReading(const Tail& published, bool detached) {
  RETURN_IF_ERROR(read_failure_);
  return std::unique_ptr<Reading>(
      new FakeReading(data_, captured_, published, wall_offset_, detached ? nullptr : on_row_));
}

absl::StatusOr<std::unique_ptr<Reading>> FakeSource::Read(const Tail& published) {
  return NewReading(published, false);
}

absl::StatusOr<std::unique_ptr<Reading>> FakeSource::ReadDetached(const Tail& published) {
  return NewReading(published, true);
}

absl::Status FakeSource::MakeDurable() {
  ++durable_calls_;
  return durable_failure_;
}

}  // namespace replicast
