#ifndef REPLICAST_CLIENT_APPLY_STORED_REPLICA_H_
#define REPLICAST_CLIENT_APPLY_STORED_REPLICA_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "client/apply/replica_state.h"
#include "client/apply/staging.h"
#include "client/apply/unit_changes.h"
#include "common/sqlite/disk_sync.h"

namespace replicast {

// ReplicaDatabase on a SQLite file. Notices by PRAGMA data_version that somebody else wrote to the file, and then
// compares the actual rows with the digests; also before the first unit of a run, since nothing tells what happened
// while no daemon looked. One thread.
class StoredReplica : public ReplicaDatabase {
 public:
  StoredReplica(std::unique_ptr<sqlite::Database> database, Options options, Clock& clock)
      : database_(std::move(database)), options_(std::move(options)), clock_(clock) {}
  absl::Status Initialize();

  std::optional<Identity> identity() const override;
  absl::Status SetDataset(const Identity& identity, const v1::Definition& definition,
                          const v1::DatasetSchema& schema) override;
  std::optional<Position> position() const override { return state_ ? state_->position : std::nullopt; }
  Lsn freshness_lsn() const override { return state_ ? state_->freshness : Lsn{}; }
  absl::Time master_time() const override { return state_ ? state_->master_time : absl::UnixEpoch(); }
  std::vector<TableState> table_states() const override { return state_ ? state_->tables : std::vector<TableState>(); }

  absl::StatusOr<Admission> Offer(const wire::UnitPart& part) override { return OfferAll({part}); }
  absl::StatusOr<Admission> OfferAll(const std::vector<wire::UnitPart>& parts) override;
  const std::vector<std::string>& damaged_tables() const override { return damaged_; }
  absl::Status SetDaemonState(const std::string& json) override;

  StagingProgress staging() const override { return staging_ ? staging_->progress() : StagingProgress(); }
  absl::Status BeginStaging(const v1::DatasetSchema& schema) override;
  absl::Status DropStaging() override;
  absl::StatusOr<std::vector<v1::HeldRange>> HeldRanges(uint64_t most_rows) override;
  absl::StatusOr<bool> LoadChunk(const wire::Chunk& chunk, size_t wire_bytes) override;
  absl::StatusOr<Admission> OfferToStaging(const wire::UnitPart& part) override;
  absl::StatusOr<bool> TrySwap() override;
  absl::Status MakeDurable() override;
  absl::Status Checkpoint() override;
  absl::Status ShortenLog() override { return database_->ShortenLog(limits::kLogBytes); }

 private:
  absl::Status CheckNothingInTheWay(const v1::DatasetSchema& schema);
  // Makes the file anew where it is for texts in another encoding and nothing is shown yet.
  absl::Status TakeEncoding(TextEncoding encoding);
  absl::Status OtherEncoding(TextEncoding encoding) const;
  absl::Status OpenShown();
  void OpenStaging();
  // One part in the open transaction; moves state_ when it was final.
  absl::StatusOr<Admission> OfferInTransaction(const wire::UnitPart& part);
  absl::Status ApplyUnit(const v1::UnitHeader& header);
  // With what its first part says of the schema. DATA_LOSS (SCHEMA_DIFFERS): the rows are not what it says then.
  absl::Status ApplySchemaUnit(const v1::UnitHeader& header, const v1::SchemaChange& change);
  absl::Status OpenWriters();
  absl::Status Moved(const v1::UnitHeader& header);
  void NoteFreshness(const v1::UnitHeader& header);
  void NoteDamage(size_t table);
  // Compares actual rows with the digests when the file was written by somebody else.
  absl::Status LookForStrangers();

  std::unique_ptr<sqlite::Database> database_;
  const Options options_;
  Clock& clock_;
  std::optional<ReplicaState> state_;
  std::optional<PositionWriter> position_writer_;
  TableWriters writers_;
  std::unique_ptr<UnitSpool> spool_;
  std::unique_ptr<Staging> staging_;
  sqlite::DiskSync disk_sync_;
  std::vector<std::string> damaged_;
  int64_t data_version_ = -1;  // when the rows were last known to be ours; -1: not in this run
  absl::Time next_scan_ = absl::InfinitePast();
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_STORED_REPLICA_H_
