#include "integration_tests/simulation/master_faults.h"

#include <absl/strings/str_cat.h>

#include <iterator>

namespace replicast::simulation {
namespace {

constexpr size_t kBackups = 4;
// That the server may make to the master's files where it renews its triggers.
constexpr uint64_t kWritesOfNewHooks = 100;

}  // namespace

void MasterFaults::Begin() {
  OfBackups();
  OfWriters();
  OfSchemas();
}

void MasterFaults::OfBackups() {
  const FaultRates& f = world_.configuration.faults;
  const auto with_backup = [this](const std::function<void(const Backup&)>& action) {
    return [this, action](Random& random) {
      if (!backups_.empty()) action(backups_[random.Below(backups_.size())]);
    };
  };
  schedule_.Every(f.state_restored, "server's state restored",
                  with_backup([this](const Backup& b) { RestoreState(b); }));
  schedule_.Every(f.master_restored, "master restored by copying",
                  with_backup([this](const Backup& b) { RestoreMaster(b, false); }));
  schedule_.Every(f.master_moved, "master restored by moving a file over it",
                  with_backup([this](const Backup& b) { RestoreMaster(b, true); }));
  schedule_.Every(f.both_restored, "server's state and master restored", with_backup([this](const Backup& b) {
                    RestoreMaster(b, false);
                    RestoreState(b);
                  }));
  schedule_.Every(f.master_backed_up, "master restored by the backup API",
                  with_backup([this](const Backup& b) { RestoreByBackup(b); }));
  // Not a fault: without one nothing can be restored.
  const bool restores =
      f.state_restored + f.master_restored + f.master_moved + f.both_restored + f.master_backed_up > 0;
  schedule_.Every(restores ? 6 : 0, "backup", [this](Random&) {
    SimulatedDisk& disk = world_.disk;
    backups_.push_back({disk.Copy(SimulatedServer::kFolder), disk.Copy("/master/"), world_.security.revoked()});
    if (backups_.size() > kBackups) backups_.pop_front();
  });
}

void MasterFaults::OfWriters() {
  const FaultRates& f = world_.configuration.faults;
  MasterWriter& writer = world_.writer;
  MasterWriter& holder = world_.holder;
  schedule_.Every(f.master_locked, "master locked by a long transaction", [&](Random& random) {
    if (!holder.Hold()) return;
    schedule_.Later(random, random.Below(5) == 0 ? 60 : 8, [&] {
      if (holder.Finish()) world_.AfterCommit();
    });
  });
  schedule_.Every(f.writer_killed, "writer killed in a transaction", [&](Random&) {
    if (holder.Hold()) holder.Kill();
  });
  schedule_.Every(f.checkpointed, "checkpoint by somebody else", [&](Random& random) {
    writer.Run(random.Below(2) == 0 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(PASSIVE)")
        .IgnoreError();
  });
  schedule_.Every(f.unnoted, "written with triggers disabled", [&](Random&) {
    if (writer.WriteUnnoted()) {
      world_.AfterCommit();
      world_.history.BeginUnnoted();
    }
  });
  schedule_.Every(f.vacuumed, "vacuum by somebody else", [&](Random&) {
    if (writer.Run("VACUUM").ok()) world_.AfterCommit();
  });
}

void MasterFaults::OfSchemas() {
  const FaultRates& f = world_.configuration.faults;
  // Only the dataset of everything holds more than the columns that it names.
  schedule_.Every(f.schema_changed, "schema changed by somebody", [this](Random& random) {
    static constexpr const char* kChanges[] = {
        "CREATE INDEX IF NOT EXISTS t_by_v ON t(v)",
        "DROP INDEX IF EXISTS t_by_v",
        "CREATE TABLE IF NOT EXISTS other(a, b); INSERT INTO other SELECT id, v FROM t",
        "DROP TABLE IF EXISTS other",
        "ALTER TABLE other ADD COLUMN c",
        "ALTER TABLE other RENAME COLUMN c TO d",
        "ALTER TABLE other DROP COLUMN d",
        "ALTER TABLE other RENAME TO another",
        "DROP TABLE IF EXISTS another",
        "DELETE FROM other WHERE rowid % 3 = 0",
        "UPDATE other SET b = a, rowid = rowid + 1000 WHERE rowid % 5 = 0",
        "ALTER TABLE t ADD COLUMN extra DEFAULT 'extra'",
        "ALTER TABLE t DROP COLUMN extra",
        "ALTER TABLE pairs ADD COLUMN extra AS (a + 1)",
        "ALTER TABLE pairs DROP COLUMN extra",
        "CREATE VIEW IF NOT EXISTS letters AS SELECT DISTINCT w FROM t",
        "DROP VIEW IF EXISTS letters",
    };
    if (!world_.writer.Run(kChanges[random.Below(std::size(kChanges))]).ok()) return;
    world_.master_changes += kWritesOfNewHooks;
    world_.AfterCommit();
  });
  schedule_.Every(f.altered, "dataset altered", [this](Random& random) {
    SimulatedServer& server = *world_.server;
    if (!server.awake()) return;
    const DatasetChoice& choice = DatasetChoices()[random.Below(static_cast<uint64_t>(world_.configuration.datasets))];
    const v1::Definition& definition = choice.definitions[random.Below(choice.definitions.size())];
    world_.master_changes += kWritesOfNewHooks;
    if (!server.publisher().AlterDataset(choice.name, definition).ok()) return;
    server.engine().OnDatasetsChanged();
    server.plane().EndUnreadable().IgnoreError();
  });
}

void MasterFaults::RestoreState(const Backup& backup) {
  world_.server->Kill();
  world_.disk.Restore(SimulatedServer::kFolder, backup.state);
  world_.security.SetRevoked(backup.revoked);  // whoever restores the state takes later revocations back
}

void MasterFaults::RestoreMaster(const Backup& backup, bool moved) {
  if (!moved) world_.server->Kill();
  world_.writer.Kill();
  world_.holder.Kill();
  world_.disk.Restore("/master/", backup.master);
  world_.history.BeginLineage();
  if (world_.writer.database() == nullptr) throw Violation("a restored master can't be opened");
  world_.AfterCommit();
}

void MasterFaults::RestoreByBackup(const Backup& backup) {
  SimulatedDisk::Image image;
  for (const auto& [path, bytes] : backup.master) image["/backup" + path] = bytes;
  world_.disk.Restore("/backup/", image);
  world_.holder.Kill();
  if (world_.writer.CopyFrom(absl::StrCat("/backup", SimulatedServer::kMaster))) {
    world_.history.BeginLineage();
    world_.AfterCommit();
  }
  world_.disk.Restore("/backup/", {});
}

}  // namespace replicast::simulation
