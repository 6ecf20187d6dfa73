#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_FOLLOWER_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_FOLLOWER_H_

#include <absl/status/status.h>

#include <memory>
#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "integration_tests/equivalence/server.h"

namespace replicast::equivalence {

// A replica of one dataset in the same thread: a ReplicaDatabase on a file, which takes snapshots, catches up, and
// hears what the server would multicast, as a replica daemon does. Errors are flaws.
class Follower {
 public:
  // `forgives`: what the server published may be wrong until its scrub, and then a new snapshot helps.
  Follower(std::string path, std::string dataset, bool forgives, Server& server, Clock& clock, Random& random)
      : path_(std::move(path)),
        dataset_(std::move(dataset)),
        forgives_(forgives),
        server_(server),
        clock_(clock),
        random_(random) {}

  // The process starts, and when it ran, ends before.
  absl::Status Open();
  const DefinitionHash& stream() const { return stream_; }
  const std::string& path() const { return path_; }
  const std::string& dataset() const { return dataset_; }
  const v1::Definition& definition() const { return definition_; }

  void Hear(const wire::EncodedPart& part) { heard_.push_back(part); }
  void Forget() { heard_.clear(); }
  absl::Status Listen();
  // One batch.
  absl::Status CatchUp();
  // One step of a snapshot; begins one where none is being loaded.
  absl::Status Chunk();
  // How often it couldn't take its rows over into another schema, and took a snapshot.
  uint64_t schema_snapshots() const { return schema_snapshots_; }
  // By whatever a replica would do, to the newest state.
  absl::Status Reach();

 private:
  absl::Status OfferHeard(const std::vector<wire::UnitPart>& parts);
  absl::Status TakeAnew();
  absl::Status BeginStaging();
  absl::Status CatchUpStaging();
  // What it makes of damage that it found: nobody but the server wrote to it.
  absl::Status Damaged();
  absl::StatusOr<wire::UnitPart> Open(const wire::EncodedPart& part) const {
    return wire::OpenUnitPart(part, server_.verifier());
  }

  const std::string path_, dataset_;
  const bool forgives_;
  Server& server_;
  Clock& clock_;
  Random& random_;
  DefinitionHash stream_;
  v1::Definition definition_;
  std::unique_ptr<ReplicaDatabase> database_;
  std::vector<wire::EncodedPart> heard_;
  bool wants_snapshot_ = true;
  bool taking_anew_ = false;  // since it couldn't take its rows over: until then it says so
  uint64_t schema_snapshots_ = 0;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_FOLLOWER_H_
