#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_WRITER_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_WRITER_H_

#include <map>
#include <memory>
#include <string>

#include "common/base/random.h"
#include "common/sqlite/database.h"
#include "integration_tests/simulation/simulated_disk.h"
#include "integration_tests/simulation/trace.h"

namespace replicast::simulation {

// A program that writes the master and knows nothing of Replicast: transactions of inserts, updates, deletes, key
// changes, swaps, REPLACE, savepoints; some roll back.
class MasterWriter {
 public:
  // Begins many of the texts that it writes: what must not be seen in the clear.
  static constexpr char kMarker[] = "clear text of the master ";
  struct Options {
    int keys = 0;                 // of each table
    int largest_transaction = 0;  // changes
    uint64_t largest_blob = 0;    // bytes
  };
  MasterWriter(SimulatedDisk& disk, const std::string& name, const Clock& clock, Trace& trace, uint64_t seed,
               const Options& options);
  ~MasterWriter() { Kill(); }

  // Makes the tables of a new master.
  absl::Status CreateTables();
  // One transaction. True: it committed. Nothing happens while another program holds the lock, or the disk is full.
  bool Write();
  // Likewise, on a connection whose triggers are disabled.
  bool WriteUnnoted();
  // Begins a transaction and leaves it open; Finish commits it, Kill is kill -9.
  bool Hold();
  bool Finish();
  void Kill();
  bool holds() const { return holds_; }
  absl::Status Run(const std::string& sql);
  // All of the master becomes what another database is, by SQLite's backup API. False: somebody holds the lock.
  bool CopyFrom(const std::string& path);
  SimulatedProcess& process() { return process_; }
  sqlite::Database* database() { return Connected() ? database_.get() : nullptr; }

 private:
  bool Connected();
  void Change();
  Value AnyValue();
  Value AnyLetter();
  // A statement; a violated constraint, a lock or a full disk is nothing unusual.
  void Try(const std::string& sql, const Row& parameters = {});

  SimulatedProcess process_;
  Trace& trace_;
  SeededRandom random_;
  const Options options_;
  std::unique_ptr<sqlite::Database> database_;
  std::map<std::string, sqlite::Statement> statements_;  // compiled with the hook's triggers: that takes long
  bool holds_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_WRITER_H_
