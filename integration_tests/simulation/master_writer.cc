#include "integration_tests/simulation/master_writer.h"

#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include "common/base/errors.h"
#include "integration_tests/simulation/simulated_server.h"

namespace replicast::simulation {

MasterWriter::MasterWriter(SimulatedDisk& disk, const std::string& name, const Clock& clock, Trace& trace,
                           uint64_t seed, const Options& options)
    : process_(disk, name, clock, seed), trace_(trace), random_(seed + 1), options_(options) {}

bool MasterWriter::Connected() {
  if (database_ != nullptr) return true;
  auto opened = sqlite::Database::Open(SimulatedServer::kMaster, {.create = true, .vfs = process_.vfs()});
  if (!opened.ok()) return false;
  database_ = *std::move(opened);
  return database_->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=0").ok();
}

absl::Status MasterWriter::CreateTables() {
  return Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v, w TEXT);"
      "CREATE TABLE pairs(a INT NOT NULL, b TEXT NOT NULL, note, PRIMARY KEY(a, b)) WITHOUT ROWID");
}

absl::Status MasterWriter::Run(const std::string& sql) {
  if (!Connected()) return absl::UnavailableError("the master can't be opened");
  return database_->Execute(sql);
}

void MasterWriter::Try(const std::string& sql, const Row& parameters) {
  auto at = statements_.find(sql);
  if (at == statements_.end()) {
    auto prepared = database_->Prepare(sql);
    if (!prepared.ok()) return;
    at = statements_.emplace(sql, *std::move(prepared)).first;
  }
  for (size_t i = 0; i < parameters.size(); ++i) at->second.Bind(static_cast<int>(i) + 1, parameters[i]);
  at->second.Run().IgnoreError();
}

Value MasterWriter::AnyValue() {
  switch (random_.Below(9)) {
    case 0:
      return std::monostate();
    case 1:
      return static_cast<int64_t>(random_.Next());
    case 2:
      return static_cast<int64_t>(random_.Below(5));
    case 3:
      return Real{static_cast<double>(random_.Below(100)) + 0.5};
    case 4:
      return Real{-0.0};
    case 5:
      return Blob{random_.Bytes(8)};
    case 6:
      return Blob{std::string(random_.Below(options_.largest_blob), '\0')};
    case 7:
      return Text{std::string("a\0b", 3)};
    default:
      return Text{absl::StrCat(kMarker, random_.Below(50))};
  }
}

// NULL: a filter on it is neither true nor false.
Value MasterWriter::AnyLetter() {
  const uint64_t kind = random_.Below(8);
  if (kind == 0) return std::monostate();
  return Text{kind % 2 == 0 ? "a" : "b"};
}

void MasterWriter::Change() {
  const auto key = [&] { return static_cast<int64_t>(random_.Below(static_cast<uint64_t>(options_.keys))); };
  const auto name = [&] { return Text{absl::StrCat("b", key())}; };
  const uint64_t kind = random_.Below(20);
  if (kind < 6) {
    Try("REPLACE INTO t(id, u, v, w) VALUES(?, ?, ?, ?)", {key(), key(), AnyValue(), AnyLetter()});
  } else if (kind < 8) {
    Try("UPDATE OR REPLACE t SET id = ? WHERE id = ?", {key(), key()});
  } else if (kind < 10) {
    Try("UPDATE t SET v = ?, w = ? WHERE u BETWEEN ? AND ?", {AnyValue(), AnyLetter(), key(), key()});
  } else if (kind < 12) {
    Try("DELETE FROM t WHERE id = ?", {key()});
  } else if (kind < 13) {
    Try("UPDATE OR IGNORE t SET u = u + 1 WHERE id > ?", {key()});
  } else if (kind < 14) {
    Try("INSERT INTO t(id, u, v, w) VALUES(?, ?, 1, 'a') ON CONFLICT(id) DO UPDATE SET v = ?",
        {key(), key(), AnyValue()});
  } else if (kind < 18) {
    Try("INSERT OR REPLACE INTO pairs(a, b, note) VALUES(?, ?, ?)", {key() % 9, name(), AnyValue()});
  } else if (kind < 19) {
    Try("DELETE FROM pairs WHERE a = ?", {key() % 9});
  } else {
    Try("SAVEPOINT s");
    Try("DELETE FROM t WHERE id < ?", {key()});
    Try(random_.Below(2) == 0 ? "ROLLBACK TO s" : "RELEASE s");
  }
}

bool MasterWriter::CopyFrom(const std::string& path) {
  if (!Connected()) return false;
  const auto from = sqlite::Database::Open(path, {.vfs = process_.vfs()});
  if (!from.ok()) return false;
  sqlite3_backup* backup = sqlite3_backup_init(database_->handle(), "main", (*from)->handle(), "main");
  if (backup == nullptr) return false;
  sqlite3_backup_step(backup, -1);
  return sqlite3_backup_finish(backup) == SQLITE_OK;
}

bool MasterWriter::Hold() {
  if (holds_ || !Connected()) return false;
  if (!database_->Execute("BEGIN IMMEDIATE").ok()) {
    trace_.Count("writer found the master locked");
    return false;
  }
  holds_ = true;
  // Some change nothing.
  for (uint64_t i = random_.Below(static_cast<uint64_t>(options_.largest_transaction) + 1); i > 0; --i) Change();
  return true;
}

bool MasterWriter::Finish() {
  if (!holds_) return false;
  holds_ = false;
  const bool committed = random_.Below(10) > 0 && database_->Execute("COMMIT").ok();
  if (!committed && database_->InTransaction()) {
    database_->Execute("ROLLBACK").IgnoreError();
    trace_.Count("fault: rollback by a writer");
  }
  if (committed) trace_.Count("transactions");
  return committed;
}

bool MasterWriter::Write() { return Hold() && Finish(); }

bool MasterWriter::WriteUnnoted() {
  if (holds_ || !Connected()) return false;
  const auto enable = [this](int on) {
    statements_.clear();  // they have the triggers within
    sqlite3_db_config(database_->handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, on, nullptr);
  };
  enable(0);
  const bool committed = Write();
  enable(1);
  return committed;
}

void MasterWriter::Kill() {
  process_.KillAt(0);
  statements_.clear();
  database_.reset();
  holds_ = false;
  process_.Revive();
}

}  // namespace replicast::simulation
