#include "integration_tests/equivalence/script_generator.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "integration_tests/equivalence/dataset_generator.h"
#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/schema_changer.h"
#include "integration_tests/equivalence/schema_generator.h"
#include "integration_tests/equivalence/statement_generator.h"
#include "integration_tests/equivalence/trigger_generator.h"

namespace replicast::equivalence {
namespace {

using Kind = Step::Kind;

class Generator {
 public:
  Generator(uint64_t seed, const Options& options, Tally& tally)
      : random_(seed),
        dice_(random_, tally),
        options_(options),
        names_(dice_),
        schema_(GenerateSchema(dice_, names_)),
        statements_(dice_, schema_) {
    script_.seed = seed;
    script_.changes_schema = dice_.Chance(options.live_ddl, "script: live DDL");
    script_.misses_hooks = dice_.Chance(options.missed_hooks, "script: hooks are missed");
  }

  Script Generate() {
    Prepare();
    PlanDatasets();
    Add({Kind::kCreate, 0, "", {}});
    while (written_ < options_.statements) {
      Transaction();
      for (int left = dice_.Between(0, 3); left > 0; --left) Between();
    }
    while (next_dataset_ < datasets_.size()) CreateNext();
    Add({Kind::kCompare});
    return std::move(script_);
  }

 private:
  void Add(Step step) {
    if (step.kind == Kind::kCreate) return CreateNext();
    script_.steps.push_back(std::move(step));
  }

  void Sql(int writer, std::string text) {
    script_.steps.push_back({Kind::kSql, writer, std::move(text), {}});
    ++written_;
  }

  // The file, the schema, and rows that are there before anybody looks.
  void Prepare() {
    std::vector<std::string>& ddl = script_.ddl;
    if (!schema_.utf16.empty()) ddl.push_back("PRAGMA encoding='" + schema_.utf16 + "'");
    if (dice_.Chance(0.2, "master: small pages")) ddl.emplace_back("PRAGMA page_size=512");
    if (dice_.Chance(0.1, "master: auto_vacuum")) ddl.emplace_back("PRAGMA auto_vacuum=full");
    ddl.emplace_back("PRAGMA journal_mode=WAL");
    ddl.insert(ddl.end(), schema_.ddl.begin(), schema_.ddl.end());
    script_.outbox_capacity = dice_.Chance(0.1, "server: small outbox") ? 20 : limits::kOutboxCapacity;
    script_.unit_store_bytes = dice_.Chance(0.15, "server: small unit store") ? 4000 : limits::kUnitStoreBytes;
    for (const Table& table : schema_.tables) {
      if (dice_.Chance(0.7)) Sql(0, statements_.Fill(table, "main"));
    }
    for (int left = dice_.Between(0, 10); left > 0; --left) Write(0);
  }

  // In a schema that changes they are defined when they are created.
  void PlanDatasets() {
    const v1::Definition everything = DefineEverything(schema_);
    if (everything.tables().empty()) return;
    datasets_.push_back(everything);
    for (int left = dice_.Chance(0.1, "script: ten datasets") ? 10 : dice_.Between(0, 3); left > 0; --left) {
      v1::Definition some =
          dice_.Chance(0.15, "dataset: of the same definition") ? everything : DefineSomething(dice_, schema_);
      datasets_.push_back(std::move(some));
    }
  }

  void CreateNext() {
    if (next_dataset_ >= datasets_.size()) return;
    const auto number = static_cast<int>(next_dataset_);
    if (script_.changes_schema)
      datasets_[next_dataset_] = dice_.Chance(0.5) ? DefineEverything(schema_) : DefineSomething(dice_, schema_);
    script_.steps.push_back({Kind::kCreate, number, absl::StrCat("set", number), datasets_[next_dataset_]});
    ++next_dataset_;
  }

  int Follower() { return static_cast<int>(dice_.Below(std::max<size_t>(next_dataset_, 1))); }

  // What happens while no application is in a transaction.
  void Between() {
    if (next_dataset_ < datasets_.size() && dice_.Chance(0.15)) return CreateNext();
    switch (dice_.Choose(
        {{"step: drain", 20}, {"step: restart of the server", 1}, {"step: compare", 1}, {"step: other", 12}})) {
      case 0:
        return Add({Kind::kDrain});
      case 1:
        return Add({Kind::kRestart});
      case 2:
        return Add({Kind::kCompare});
      default:
        return Meanwhile();
    }
  }

  // What may also happen while one is. After DDL the server would have to wait for its end.
  void Meanwhile() {
    if (script_.changes_schema && in_transaction_) return;
    constexpr std::array<Kind, 7> kKinds = {Kind::kDrain,   Kind::kBuild, Kind::kListen, Kind::kForget,
                                            Kind::kCatchUp, Kind::kChunk, Kind::kReopen};
    const size_t kind = dice_.Choose({{"step: drain", 6},
                                      {"step: build", 2},
                                      {"step: listen", 6},
                                      {"step: forget what was heard", 1},
                                      {"step: catch up", 2},
                                      {"step: chunk", 2},
                                      {"step: reopen a replica", 1}});
    Add({kKinds[kind], Follower()});
  }

  void Write(int writer) {
    for (std::string& statement : statements_.Next(MasterOf(writer))) {
      Sql(writer, std::move(statement));
      if (dice_.Chance(0.05)) Meanwhile();
    }
  }

  void Transaction() {
    const auto writer = static_cast<int>(dice_.Below(kWriters));
    Settings(writer);
    if (dice_.Chance(0.03)) return Maintain(writer);
    if (script_.changes_schema && dice_.Chance(0.1)) return Redefine();
    const size_t kind = dice_.Choose({{"transaction: none", 6},
                                      {"transaction: BEGIN", 5},
                                      {"transaction: BEGIN IMMEDIATE", 2},
                                      {"transaction: SAVEPOINT", 1}});
    constexpr std::array<const char*, 4> kBegin = {"", "BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT whole"};
    in_transaction_ = kind != 0;
    if (kind != 0) Sql(writer, kBegin[kind]);
    if (kind != 0 && dice_.Chance(0.05, "pragma: defer_foreign_keys")) Sql(writer, "PRAGMA defer_foreign_keys=on");
    for (int left = dice_.OneOf(std::vector<int>{1, 1, 2, 3, 8}); left > 0; --left) {
      if (kind != 0 && dice_.Chance(0.1)) {
        Savepoint(writer);
      } else {
        Write(writer);
      }
    }
    in_transaction_ = false;
    if (kind == 0) return;
    if (writer >= kAttaching && dice_.Chance(0.4, "transaction: over two files"))
      Sql(writer, "INSERT INTO main.own VALUES(" + std::to_string(written_) + ")");
    if (dice_.Chance(0.15, "transaction: ROLLBACK")) return Sql(writer, "ROLLBACK");
    Sql(writer, kind == 3 ? "RELEASE whole" : "COMMIT");
  }

  // DDL, perhaps among other statements, perhaps taken back.
  void Redefine() {
    const auto writer = static_cast<int>(dice_.Below(kAttaching));
    const bool transaction = dice_.Chance(0.5, "live: in a transaction");
    const bool undone = transaction && dice_.Chance(0.1, "live: rolled back");
    in_transaction_ = transaction;
    if (transaction) Sql(writer, "BEGIN IMMEDIATE");
    if (transaction && dice_.Chance(0.5)) Write(writer);
    const Schema before = schema_;
    for (std::string& statement : SchemaChanger(dice_, names_, schema_).Next("main")) {
      Sql(writer, std::move(statement));
      if (!transaction && dice_.Chance(0.2)) Meanwhile();
    }
    if (transaction && dice_.Chance(0.5)) Write(writer);
    in_transaction_ = false;
    if (undone) schema_ = before;
    if (transaction) Sql(writer, undone ? "ROLLBACK" : "COMMIT");
  }

  void Savepoint(int writer) {
    Sql(writer, "SAVEPOINT inner");
    for (int left = dice_.Between(1, 3); left > 0; --left) Write(writer);
    if (dice_.Choose({{"savepoint: ROLLBACK TO", 1}, {"savepoint: RELEASE", 1}}) == 0) {
      Sql(writer, "ROLLBACK TO inner");
      if (dice_.Chance(0.5)) Write(writer);
    }
    if (dice_.Chance(0.8)) Sql(writer, "RELEASE inner");
  }

  void Settings(int writer) {
    const auto set = [&](double probability, const char* name) {
      if (!dice_.Chance(probability, std::string("pragma: ") + name)) return;
      Sql(writer, absl::StrCat("PRAGMA ", name, dice_.Chance(0.5) ? "=on" : "=off"));
    };
    set(0.05, "recursive_triggers");
    set(0.07, "foreign_keys");
    set(0.01, "ignore_check_constraints");
    set(0.01, "reverse_unordered_selects");
    if (dice_.Chance(0.02, "trigger: TEMP")) {
      const std::string name = absl::StrCat("temporary", ++temporary_triggers_);
      Sql(writer, TriggerGenerator(dice_, schema_).OnTable(name, true, script_.misses_hooks));
    }
    if (script_.misses_hooks && dice_.Chance(0.03, "triggers disabled")) {
      Sql(writer, kTriggersOff);
      for (int left = dice_.Between(1, 4); left > 0; --left) Write(writer);
      Sql(writer, kTriggersOn);
    }
    if (temporary_triggers_ > 0 && dice_.Chance(0.01))
      Sql(writer, absl::StrCat("DROP TRIGGER IF EXISTS temp.temporary", dice_.Between(1, temporary_triggers_)));
  }

  // What programs do to the file as a whole.
  void Maintain(int writer) {
    const std::string name = MasterOf(writer);
    switch (dice_.Choose({{"maintenance: checkpoint", 3},
                          {"maintenance: ANALYZE", 1},
                          {"maintenance: REINDEX", 1},
                          {"maintenance: VACUUM", 1}})) {
      case 0:
        return Sql(writer,
                   "PRAGMA " + name + ".wal_checkpoint(" + dice_.OneOf({"PASSIVE", "RESTART", "TRUNCATE"}) + ")");
      case 1:
        return Sql(writer, "ANALYZE " + name);
      case 2:
        return Sql(writer, "REINDEX");
      default:
        return Sql(writer, "VACUUM " + name);
    }
  }

  SeededRandom random_;
  Dice dice_;
  const Options& options_;
  Names names_;
  Schema schema_;
  StatementGenerator statements_;
  Script script_;
  std::vector<v1::Definition> datasets_;
  size_t next_dataset_ = 0;
  int written_ = 0, temporary_triggers_ = 0;
  bool in_transaction_ = false;
};

}  // namespace

Script GenerateScript(uint64_t seed, const Options& options, Tally& tally) {
  return Generator(seed, options, tally).Generate();
}

}  // namespace replicast::equivalence
