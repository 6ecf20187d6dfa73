// Feeds a replica database with arbitrary contents to the class that the daemon opens it with: a whole file; a valid
// one with bytes changed; a valid one on which SQL was run; a valid one with a value of its state exchanged. Then it is
// shown to `status` and `verify`, takes units and a snapshot, and is closed, in an order that the input chooses.
// Oracle: every step ends, in success or an error that says why; a database that was not touched takes everything.
#include "client/apply/replica_database.h"

#include <sqlite3.h>

#include <functional>

#include "common/base/errors.h"
#include "common/sqlite/database.h"
#include "integration_tests/simulation/simulated_disk.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/replica_contents.h"

namespace replicast::fuzz {
namespace {

constexpr char kPath[] = "/replica.db";
constexpr int kMostSteps = 12;

// The machine that the file is on.
class Machine {
 public:
  explicit Machine(const simulation::SimulatedDisk::Image& image) { disk_.Restore("", image); }
  const std::string& vfs() const { return process_.vfs(); }
  simulation::SimulatedDisk& disk() { return disk_; }
  std::unique_ptr<ReplicaDatabase> Open() {
    auto replica = ReplicaDatabase::Open({.path = kPath, .vfs = vfs(), .create = true}, clock_);
    return replica.ok() ? *std::move(replica) : nullptr;
  }

 private:
  ManualClock clock_;
  simulation::SimulatedDisk disk_{1};
  simulation::SimulatedProcess process_{disk_, "replica", clock_, 2};
};

// A replica that shows rows and loads a snapshot beside them.
const simulation::SimulatedDisk::Image& ValidFile() {
  static const simulation::SimulatedDisk::Image image = [] {
    Machine machine({});
    auto replica = machine.Open();
    REPLICAST_CHECK(replica->SetDataset(TheIdentity(), TheDefinitionMessage(), TheSchema()).ok());
    REPLICAST_CHECK(replica->BeginStaging(TheSchema()).ok());
    for (const wire::Chunk& chunk : Chunks()) REPLICAST_CHECK(replica->LoadChunk(chunk, 100).ok());
    const auto swapped = replica->TrySwap();
    REPLICAST_CHECK(swapped.ok() && *swapped);
    REPLICAST_CHECK(replica->Offer(Units()[0]).ok());
    REPLICAST_CHECK(replica->SetDaemonState("{\"state\":\"live\"}").ok());
    REPLICAST_CHECK(replica->BeginStaging(TheSchema()).ok());
    REPLICAST_CHECK(replica->LoadChunk(Chunks()[0], 100).ok());
    replica.reset();
    return machine.disk().Copy("");
  }();
  return image;
}

// Runs what a person could have run, bounded; whatever it answers.
void RunSql(Machine& machine, const std::string& sql, const std::function<void(sqlite::Database&)>& run = {}) {
  const auto database = sqlite::Database::Open(kPath, {.vfs = machine.vfs()});
  if (!database.ok()) return;
  sqlite3* handle = (*database)->handle();
  constexpr int kMostInstructions = 20'000;
  sqlite3_progress_handler(
      handle, kMostInstructions, [](void*) { return 1; }, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 20);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  if (run)
    run(**database);
  else
    (*database)->Execute(sql).IgnoreError();
}

// One column of one of our tables gets another value.
void Exchange(Machine& machine, FuzzInput& input) {
  constexpr const char* kColumns[][2] = {
      {"_replicast_state", "definition_hash"},
      {"_replicast_state", "server_id"},
      {"_replicast_state", "dataset"},
      {"_replicast_state", "definition"},
      {"_replicast_state", "schema"},
      {"_replicast_state", "history_id"},
      {"_replicast_state", "lsn"},
      {"_replicast_state", "tables"},
      {"_replicast_state", "freshness_lsn"},
      {"_replicast_state", "master_time_microseconds"},
      {"_replicast_state", "daemon_state"},
      {"_replicast_staging", "definition_hash"},
      {"_replicast_staging", "history_id"},
      {"_replicast_staging", "lsn"},
      {"_replicast_staging", "exact_lsn"},
      {"_replicast_staging", "table_number"},
      {"_replicast_staging", "after_key"},
      {"_replicast_staging", "started"},
      {"_replicast_staging", "complete"},
      {"_replicast_staging", "rows"},
      {"_replicast_staging", "tables"},
      {"_replicast_staging", "expected"},
  };
  const auto& place = kColumns[input.Byte() % std::size(kColumns)];
  const bool is_number = input.Bool();
  const Value value = is_number ? Value(static_cast<int64_t>(input.Number())) : Value(Blob{input.Bytes()});
  RunSql(machine, "", [&](sqlite::Database& database) {
    auto update = database.Prepare(std::string("UPDATE ") + place[0] + " SET " + place[1] + " = ?");
    if (update.ok()) update->Bind(1, value).Run().IgnoreError();
  });
}

// Gives whether the file is still what we left.
bool Prepare(Machine& machine, FuzzInput& input) {
  simulation::SimulatedDisk::Image image = ValidFile();
  switch (input.Byte() % 5) {
    case 0:
      image[kPath] = input.Bytes();
      machine.disk().Restore("", image);
      return false;
    case 1:
      for (int patches = input.Byte() % 8; patches >= 0; --patches) {
        std::string& file = image[kPath];
        const uint64_t offset = input.Number() % file.size();
        const std::string bytes = input.Bytes();
        file.replace(offset, bytes.size(), bytes);
      }
      machine.disk().Restore("", image);
      return false;
    case 2:
      machine.disk().Restore("", image);
      RunSql(machine, input.Bytes());
      return false;
    case 3:
      machine.disk().Restore("", image);
      for (int values = input.Byte() % 4; values >= 0; --values) Exchange(machine, input);
      return false;
    default:
      machine.disk().Restore("", image);
      return true;
  }
}

void Use(Machine& machine, FuzzInput& input, bool untouched) {
  const auto show = [&] {
    const bool shown = ReplicaDatabase::ReadShown(kPath, machine.vfs()).ok();
    const bool verified = ReplicaDatabase::ReadActual(kPath, machine.vfs()).ok();
    REPLICAST_CHECK(!untouched || (shown && verified));
  };
  show();
  std::unique_ptr<ReplicaDatabase> replica = machine.Open();
  REPLICAST_CHECK(!untouched || replica != nullptr);
  if (replica == nullptr) return;
  // As the session does before anything else, whatever the database says that it is.
  const absl::Status set = replica->SetDataset(TheIdentity(), TheDefinitionMessage(), TheSchema());
  REPLICAST_CHECK(!untouched || set.ok());
  if (!set.ok()) return;
  for (int step = 0; step < kMostSteps && (step < 2 || !input.empty()); ++step) {
    const uint8_t what = step == 0 ? 1 : input.Byte();
    switch (what % 9) {
      case 0:
        show();
        break;
      case 1:
        replica->Offer(Units()[what / 9 % Units().size()]).IgnoreError();
        break;
      case 2:
        replica->OfferAll({Units()[1], Units()[2]}).IgnoreError();
        break;
      case 3:
        replica->BeginStaging(TheSchema()).IgnoreError();
        break;
      case 4:
        replica->LoadChunk(Chunks()[what / 9 % Chunks().size()], 100).IgnoreError();
        break;
      case 5:
        replica->OfferToStaging(Units()[what / 9 % Units().size()]).IgnoreError();
        break;
      case 6:
        replica->TrySwap().IgnoreError();
        break;
      case 7:
        replica->Checkpoint().IgnoreError();
        break;
      default:
        replica->SetDaemonState("{}").IgnoreError();
    }
    replica->staging();
    replica->table_states();
    replica->damaged_tables();
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string& file = ValidFile().at(kPath);
  std::vector<std::string> seeds = {
      SeedWriter().Byte(4).Byte(0).Byte(10).Byte(2).Byte(6).Done(),
      SeedWriter().Byte(4).Byte(3).Byte(4).Byte(13).Byte(14).Byte(6).Byte(0).Byte(10).Byte(7).Byte(8).Done(),
      SeedWriter().Byte(0).Bytes(file.substr(0, 8192)).Done(),
      SeedWriter().Byte(1).Byte(1).Number(100).Bytes("xx").Number(5000).Bytes(std::string(3, '\0')).Byte(0).Done()};
  for (const char* sql :
       {"DELETE FROM item WHERE id = 2", "DROP TABLE item", "ALTER TABLE item RENAME COLUMN v TO w",
        "DROP TABLE item; CREATE VIEW item AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
        "SELECT x AS id, x AS u, x AS v FROM c",
        "DROP TABLE item; CREATE TABLE item(id INTEGER PRIMARY KEY, u, v GENERATED ALWAYS AS (hex(u)))",
        "CREATE TRIGGER t AFTER INSERT ON item BEGIN DELETE FROM note; END", "CREATE INDEX i ON item(abs(v))",
        "UPDATE _replicast_state SET tables = x'00'", "DELETE FROM _replicast_state", "DROP TABLE _replicast_staging_0",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'x'", "PRAGMA journal_mode = DELETE; VACUUM",
        "INSERT INTO note VALUES('Z', 1.5); PRAGMA user_version = 7"}) {
    seeds.push_back(SeedWriter().Byte(2).Bytes(sql).Byte(10).Byte(4).Byte(13).Byte(6).Byte(0).Done());
  }
  for (uint8_t column = 0; column < 22; ++column) {
    seeds.push_back(
        SeedWriter().Byte(3).Byte(0).Byte(column).Byte(0).Bytes("xyz").Byte(4).Byte(13).Byte(5).Byte(6).Done());
  }
  seeds.push_back(SeedWriter().Byte(3).Byte(0).Byte(4).Byte(0).Bytes(TheSchema().SerializeAsString()).Byte(13).Done());
  return seeds;
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  replicast::fuzz::Machine machine({});
  const bool untouched = replicast::fuzz::Prepare(machine, input);
  replicast::fuzz::Use(machine, input, untouched);
  return 0;
}
