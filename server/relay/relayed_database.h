#ifndef REPLICAST_SERVER_RELAY_RELAYED_DATABASE_H_
#define REPLICAST_SERVER_RELAY_RELAYED_DATABASE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/apply/replica_database.h"

namespace replicast::relay {

// The replica database of a relay's stream: every verified part that is offered to it is told first, so that it is kept
// and sent on before it is applied here. A part that can't be kept is not applied either, and is offered again. Its own
// snapshot is always told whole, so that it can be told on.
class RelayedDatabase : public ReplicaDatabase {
 public:
  using OnParts = std::function<absl::Status(const std::vector<const wire::UnitPart*>& parts)>;
  using OnDataset = std::function<absl::Status(const Identity& identity, const v1::Definition& definition,
                                               const v1::DatasetSchema& schema)>;
  RelayedDatabase(std::unique_ptr<ReplicaDatabase> database, OnParts on_parts, OnDataset on_dataset)
      : database_(std::move(database)), on_parts_(std::move(on_parts)), on_dataset_(std::move(on_dataset)) {}

  std::optional<Identity> identity() const override { return database_->identity(); }
  absl::Status SetDataset(const Identity& identity, const v1::Definition& definition,
                          const v1::DatasetSchema& schema) override {
    if (absl::Status told = on_dataset_(identity, definition, schema); !told.ok()) return told;
    return database_->SetDataset(identity, definition, schema);
  }
  std::optional<Position> position() const override { return database_->position(); }
  Lsn freshness_lsn() const override { return database_->freshness_lsn(); }
  absl::Time master_time() const override { return database_->master_time(); }
  std::vector<TableState> table_states() const override { return database_->table_states(); }

  absl::StatusOr<Admission> Offer(const wire::UnitPart& part) override {
    if (absl::Status told = on_parts_({&part}); !told.ok()) return told;
    return database_->Offer(part);
  }
  absl::StatusOr<Admission> OfferAll(const std::vector<wire::UnitPart>& parts) override {
    std::vector<const wire::UnitPart*> all;
    all.reserve(parts.size());
    for (const wire::UnitPart& part : parts) all.push_back(&part);
    if (absl::Status told = on_parts_(all); !told.ok()) return told;
    return database_->OfferAll(parts);
  }
  absl::StatusOr<Admission> OfferToStaging(const wire::UnitPart& part) override {
    if (absl::Status told = on_parts_({&part}); !told.ok()) return told;
    return database_->OfferToStaging(part);
  }
  const std::vector<std::string>& damaged_tables() const override { return database_->damaged_tables(); }
  absl::Status SetDaemonState(const std::string& json) override { return database_->SetDaemonState(json); }

  StagingProgress staging() const override { return database_->staging(); }
  absl::Status BeginStaging(const v1::DatasetSchema& schema) override { return database_->BeginStaging(schema); }
  absl::Status DropStaging() override { return database_->DropStaging(); }
  absl::StatusOr<std::vector<v1::HeldRange>> HeldRanges(uint64_t) override { return std::vector<v1::HeldRange>(); }
  absl::StatusOr<bool> LoadChunk(const wire::Chunk& chunk, size_t wire_bytes) override {
    return database_->LoadChunk(chunk, wire_bytes);
  }
  absl::StatusOr<bool> TrySwap() override { return database_->TrySwap(); }
  absl::Status MakeDurable() override { return database_->MakeDurable(); }
  absl::Status Checkpoint() override { return database_->Checkpoint(); }
  absl::Status ShortenLog() override { return database_->ShortenLog(); }

 private:
  const std::unique_ptr<ReplicaDatabase> database_;
  const OnParts on_parts_;
  const OnDataset on_dataset_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_RELAYED_DATABASE_H_
