#ifndef REPLICAST_SERVER_SOURCE_FAKE_SOURCE_H_
#define REPLICAST_SERVER_SOURCE_FAKE_SOURCE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "server/source/source.h"

namespace replicast {

// A master in memory, for tests: tables, transactions, an outbox ring with marks, writers that go unnoticed, altered
// tables, backups, failures. Readings see the state of their beginning, also from another thread.
class FakeSource : public Source {
 public:
  explicit FakeSource(uint64_t seed = 1);

  // --- the master's schema
  // "INTEGER" "TEXT" …; `key` names key columns. A single INTEGER key column is an integer primary key.
  static Relation MakeRelation(const std::string& name, const std::vector<std::pair<std::string, std::string>>& columns,
                               const std::vector<std::string>& key);
  void CreateTable(const Relation& relation);
  void DropTable(const std::string& table);
  // Another DDL; the triggers stay.
  void AlterTable(const std::string& table);
  // Other columns (under the same name), and every row what `renew` makes of it. Triggers stay, unless it was by a
  // copy.
  void AlterTable(const Relation& relation, const std::function<Row(const Row&)>& renew, bool by_copy = false);
  // Other indexes that aren't UNIQUE: neither text nor rows change.
  void ReindexTable(const Relation& relation);
  // Its triggers go with it.
  void RenameTable(const std::string& table, const std::string& name);
  void DropTriggers(const std::string& table);
  // In place of the one of this name.
  void CreateView(const View& view);
  // Describe refuses it from now on, with this reason.
  void MakeUnsupported(const std::string& table, const std::string& reason);

  // --- writers. Outside Begin … Commit, each call is a transaction of its own.
  void Begin();
  void Commit();
  void Rollback();
  void Put(const std::string& table, const Row& row);
  void Remove(const std::string& table, const Row& key);
  void PutUnnoticed(const std::string& table, const Row& row);
  void RemoveUnnoticed(const std::string& table, const Row& key);

  // --- what else befalls a master
  struct Data;
  using Backup = std::shared_ptr<const Data>;
  Backup Save() const { return data_; }
  void Restore(const Backup& backup);
  void SetOutboxCapacity(uint64_t entries) { capacity_ = entries; }
  void FailReads(absl::Status status) { read_failure_ = std::move(status); }
  void FailDurable(absl::Status status) { durable_failure_ = std::move(status); }
  void FailCapture(absl::Status status) { capture_failure_ = std::move(status); }
  void SetWallOffset(absl::Duration offset) { wall_offset_ = offset; }
  // Called between two rows of every reading: for writers that come in between.
  void OnRow(std::function<void()> function) { on_row_ = std::move(function); }

  // --- looking
  std::vector<Row> Rows(const std::string& table) const;  // in key order
  Tail newest() const;
  int durable_calls() const { return durable_calls_; }
  std::vector<std::string> captured() const;

  // --- Source
  absl::StatusOr<Relation> Describe(const std::string& table) override;
  absl::StatusOr<std::vector<std::string>> Tables() override;
  absl::StatusOr<std::vector<View>> Views() override;
  absl::StatusOr<std::vector<Reading::Change>> Capture(const std::vector<Relation>& relations) override;
  void Attach(const std::vector<Relation>& relations) override;
  absl::StatusOr<std::unique_ptr<Reading>> Read(const Tail& published) override;
  absl::StatusOr<std::unique_ptr<Reading>> ReadDetached(const Tail& published) override;
  absl::Status MakeDurable() override;

 private:
  struct Write {
    std::string table;
    Row key;
    std::optional<Row> row;
    bool noticed = true;
  };
  class FakeReading;
  void Do(Write write);
  void Apply(const Write& write);
  Data& Mine();      // the present data, not shared with any reading or backup
  Data& Altering();  // the same, under another schema
  absl::StatusOr<std::unique_ptr<Reading>> NewReading(const Tail& published, bool detached);

  SeededRandom random_;
  std::shared_ptr<Data> data_;
  std::map<uint32_t, Relation> captured_;
  std::map<std::string, std::string> unsupported_;
  std::optional<std::vector<Write>> open_;
  int64_t schemas_ = 0;
  uint64_t capacity_ = 1'000'000;
  absl::Status read_failure_, durable_failure_, capture_failure_;
  absl::Duration wall_offset_;
  std::function<void()> on_row_;
  int durable_calls_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SOURCE_FAKE_SOURCE_H_
