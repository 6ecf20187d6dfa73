#include "integration_tests/simulation/master_writer.h"

#include <absl/strings/str_format.h>

#include "common/base/errors.h"
#include "integration_tests/simulation/simulated_server.h"

namespace replicast::simulation {

MasterWriter::MasterWriter(SimulatedDisk& disk, const std::string& name, const Clock& clock, Trace& trace,
                           uint64_t seed, int keys, int largest_transaction)
    : process_(disk, name, clock, seed),
      trace_(trace),
      random_(seed + 1),
      keys_(keys),
      largest_transaction_(largest_transaction) {}

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

bool MasterWriter::Try(const std::string& sql) {
  const absl::Status status = database_->Execute(sql);
  return status.ok() || ReasonOf(status) == "DATABASE_CONSTRAINT";
}

std::string MasterWriter::Literal() {
  switch (random_.Below(9)) {
    case 0:
      return "NULL";
    case 1:
      return absl::StrFormat("%d", static_cast<int64_t>(random_.Next()));
    case 2:
      return absl::StrFormat("%d", random_.Below(5));
    case 3:
      return absl::StrFormat("%d.5", random_.Below(100));
    case 4:
      return "-0.0";
    case 5:
      return absl::StrFormat("x'%016x'", random_.Next());
    case 6:
      return absl::StrFormat("zeroblob(%d)", random_.Below(3000));
    case 7:
      return "'a' || char(0) || 'b'";
    default:
      return absl::StrFormat("'text %d'", random_.Below(50));
  }
}

void MasterWriter::Change() {
  const auto key = [&] { return random_.Below(static_cast<uint64_t>(keys_)); };
  const uint64_t kind = random_.Below(20);
  if (kind < 6) {
    Try(absl::StrFormat("REPLACE INTO t VALUES(%d, %d, %s, '%c')", key(), key(), Literal(), 'a' + random_.Below(2)));
  } else if (kind < 8) {
    Try(absl::StrFormat("UPDATE OR REPLACE t SET id = %d WHERE id = %d", key(), key()));
  } else if (kind < 10) {
    Try(absl::StrFormat("UPDATE t SET v = %s, w = '%c' WHERE u BETWEEN %d AND %d", Literal(), 'a' + random_.Below(2),
                        key(), key()));
  } else if (kind < 12) {
    Try(absl::StrFormat("DELETE FROM t WHERE id = %d", key()));
  } else if (kind < 13) {
    Try(absl::StrFormat("UPDATE OR IGNORE t SET u = u + 1 WHERE id > %d", key()));
  } else if (kind < 14) {
    Try(absl::StrFormat("INSERT INTO t VALUES(%d, %d, 1, 'a') ON CONFLICT(id) DO UPDATE SET v = %s", key(), key(),
                        Literal()));
  } else if (kind < 18) {
    Try(absl::StrFormat("INSERT OR REPLACE INTO pairs VALUES(%d, 'b%d', %s)", key() % 9, key(), Literal()));
  } else if (kind < 19) {
    Try(absl::StrFormat("DELETE FROM pairs WHERE a = %d", key() % 9));
  } else {
    Try("SAVEPOINT s");
    Try(absl::StrFormat("DELETE FROM t WHERE id < %d", key()));
    Try(random_.Below(2) == 0 ? "ROLLBACK TO s" : "RELEASE s");
  }
}

bool MasterWriter::Hold() {
  if (holds_ || !Connected()) return false;
  if (!database_->Execute("BEGIN IMMEDIATE").ok()) {
    trace_.Count("writer found the master locked");
    return false;
  }
  holds_ = true;
  for (uint64_t i = random_.Below(static_cast<uint64_t>(largest_transaction_)) + 1; i > 0; --i) Change();
  return true;
}

bool MasterWriter::Finish() {
  if (!holds_) return false;
  holds_ = false;
  const bool committed = random_.Below(10) > 0 && database_->Execute("COMMIT").ok();
  if (!committed && database_->InTransaction()) database_->Execute("ROLLBACK").IgnoreError();
  if (committed) trace_.Count("transactions");
  return committed;
}

bool MasterWriter::Write() { return Hold() && Finish(); }

void MasterWriter::Kill() {
  process_.KillAt(0);
  database_.reset();
  holds_ = false;
  process_.Revive();
}

}  // namespace replicast::simulation
