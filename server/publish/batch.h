#ifndef REPLICAST_SERVER_PUBLISH_BATCH_H_
#define REPLICAST_SERVER_PUBLISH_BATCH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/publish/publisher_core.h"
#include "server/publish/schema_plan.h"

namespace replicast::publish {

// Everything that becomes true at one boundary: units, digests, row index, positions, histories, in one transaction of
// the state database; told to the listener only after it. Memory is bounded by one part for each stream, whatever the
// size of the source's transaction. A batch that isn't committed leaves the core damaged.
class Batch {
 public:
  // At the boundary with this outbox number: a new number's first lsn, else the next revision of the present one (when
  // those are used up, in a new history). With a plan, streams adopt it at this boundary.
  static absl::StatusOr<std::unique_ptr<Batch>> Begin(Core& core, uint64_t number, absl::Time master_time,
                                                      const SchemaPlan& plan = {});
  // The same in a new history, into which what is routed leads, too: after a broken past.
  static absl::StatusOr<std::unique_ptr<Batch>> BeginInNewHistory(Core& core, uint64_t number, absl::Time master_time,
                                                                  const SchemaPlan& plan = {});
  // At the present boundary, in a new history: what every start begins with.
  static absl::StatusOr<std::unique_ptr<Batch>> BeginWithHistory(Core& core);
  ~Batch();

  // A touched key and the row that it has now (nullptr: none), for all streams.
  absl::Status Route(const Relation& relation, const Row& key, const Row* row);
  // The stream's index is complete at this boundary. Nothing else may have been routed.
  absl::Status Complete(Stream* stream);
  // The outbox's end as this batch's read transaction saw it.
  void SetTail(const Tail& tail);
  // Waits until what was read, and then what is stored, survives a power loss.
  absl::Status Commit();
  // Then: to the listener. Failing is no harm, the next one tells what is left.
  absl::Status Tell();

 private:
  struct OpenUnit {
    Stream* stream = nullptr;
    store::StoredUnit stored;
    std::vector<bool> touched;
    std::unique_ptr<wire::UnitWriter> writer;
    uint64_t rows = 0;
  };
  struct Part {
    DefinitionHash stream;
    std::string data;
  };

  Batch(Core& core, sqlite::Transaction transaction) : core_(core), transaction_(std::move(transaction)) {}
  // Opens a history unit in every stream.
  absl::Status LeadIntoNewHistory();
  absl::Status CloseAll();
  absl::StatusOr<OpenUnit*> Open(Stream* stream, v1::UnitHeader header);
  // Schemas, tables and router are the plan's from here on, in a unit of each stream.
  absl::Status Adopt(const SchemaPlan& plan);
  absl::Status AdoptIn(Stream* stream, const StreamPlan& plan);
  absl::Status Apply(const Relation& relation, const std::string& encoded_key, const Row& key,
                     const route::Change& change);
  void StartWriting(OpenUnit* unit, v1::UnitHeader header);
  absl::Status Close(OpenUnit* unit);
  absl::Status KeepPart(OpenUnit* unit, uint32_t number, wire::EncodedPart part);
  absl::Status KeepBounds();

  Core& core_;
  sqlite::Transaction transaction_;
  bool committed_ = false;
  bool read_ = false;  // something of the source is in here
  bool schema_changed_ = false;
  Lsn lsn_;
  absl::Time master_time_;
  std::map<int64_t, OpenUnit> units_;  // by stream
  uint64_t first_serial_ = 0;
  // All parts, each stream's in order, while they are few; else they are read back.
  std::vector<Part> parts_;
  size_t part_bytes_ = 0;
  std::vector<store::RowIndex::Entry> before_;
  std::vector<route::Change> changes_;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_BATCH_H_
