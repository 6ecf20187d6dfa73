#ifndef REPLICAST_SERVER_PUBLISH_DATASET_CATALOGUE_H_
#define REPLICAST_SERVER_PUBLISH_DATASET_CATALOGUE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "server/publish/drain.h"
#include "server/publish/publisher_core.h"

namespace replicast::publish {

// Datasets come and go here. Equal definitions share one stream; the source captures exactly the tables that streams
// use.
class DatasetCatalogue {
 public:
  DatasetCatalogue(Core& core, Drain& drain) : core_(core), drain_(drain) {}
  absl::Status Create(const std::string& name, const v1::Definition& definition);
  // The dataset of all of these (PartsOfName) is there; its name. It goes with any of them.
  absl::StatusOr<std::string> Combine(const std::vector<std::string>& datasets);
  // The dataset of this much of it is there; its name. It goes with the dataset.
  absl::StatusOr<std::string> Narrow(const std::string& dataset, const v1::Definition& wanted);
  // Another definition under the name; combinations with it go.
  absl::Status Alter(const std::string& name, const v1::Definition& definition);
  absl::Status Delete(const std::string& name);
  // What a crash or a failure left of an alteration goes.
  absl::Status EndUnfinished();
  // After a drain: streams whose definitions mean something again begin anew, once nobody has changed the schema for a
  // while (Publisher::Options::settle). True: some did.
  absl::StatusOr<bool> Resume();

 private:
  absl::Status CheckName(const std::string& name) const;
  absl::Status Add(const std::string& name, const v1::Definition& definition);
  absl::Status DeleteOne(const std::string& name);
  // Combinations with it, and what is narrowed of it.
  absl::Status DeleteDerived(const std::string& name);
  // The name stands for another definition, or for nothing; the stream that no name stands for any more ends.
  absl::Status Rename(const std::string& name, const std::optional<DefinitionHash>& other);
  // The record of a new stream; relations that are described but have no number yet carry 0.
  absl::StatusOr<store::StreamRecord> Describe(const v1::Definition& canonical, std::vector<Relation>* relations);
  // Stores and adds it, in the place of a stream that is stopped (0: of none); nothing of it is captured yet.
  absl::Status Put(const std::string& name, store::StreamRecord record, std::vector<Relation> relations,
                   int64_t replaced);
  absl::StatusOr<bool> Resume(const Stream& stream);
  absl::Status Capture();

  Core& core_;
  Drain& drain_;
  struct Tried {
    int64_t schema = -1;
    absl::Time seen = absl::InfinitePast();
    bool done = false;
  };
  Tried tried_;  // to resume streams
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_DATASET_CATALOGUE_H_
