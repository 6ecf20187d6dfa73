#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_HISTORY_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_HISTORY_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "common/base/lsn.h"
#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast::simulation {

// A dataset of the simulated worlds, by name.
struct DatasetChoice {
  std::string name;
  // Of the same tables and columns: it may be altered from one to another. The first is the one that it begins with.
  std::vector<v1::Definition> definitions;
  std::vector<DefinitionHash> hashes;  // of each
};
const std::vector<DatasetChoice>& DatasetChoices();
const DatasetChoice& ChoiceOf(const std::string& dataset);

// The digest over what a dataset holds in a master (filters apply) or in a replica (all rows that are there).
absl::StatusOr<Digest> ContentOf(sqlite::Database& database, const v1::Definition& definition, bool filtered);

// Every state that the master had at a boundary, per dataset, by the number of its newest outbox entry. A restored
// master begins another lineage, which may have another state under the same number: all of them count.
class MasterHistory {
 public:
  // Of the first so many datasets.
  explicit MasterHistory(size_t datasets) : datasets_(datasets) {}
  // The master as it is committed now.
  absl::Status Record(sqlite::Database& master);
  // The master was restored from a copy.
  void BeginLineage() { ++lineage_; }
  // The disk lost what this lineage had later: no replica may have seen it.
  void ForgetAfter(uint64_t number);
  // Somebody wrote what the hooks did not see: from here on, until the scrub has found all of it, replicas may show
  // a mixture.
  void BeginUnnoted();
  void EndUnnoted();
  bool ever_unnoted() const { return !unnoted_.empty(); }
  bool unnoted() const { return !unnoted_.empty() && unnoted_.back().second == UINT64_MAX; }
  // Under this definition of the dataset.
  bool Had(const std::string& dataset, uint64_t number, const DefinitionHash& definition, const Digest& content) const;
  uint64_t newest() const { return newest_; }
  // Of the newest state, under one of the dataset's definitions.
  Digest Newest(const std::string& dataset, size_t definition) const { return newest_content_.at(dataset)[definition]; }

 private:
  const size_t datasets_;
  // By dataset, number, and definition with content: the lineages that it was in.
  std::map<std::string, std::map<uint64_t, std::map<std::string, std::set<int>>>> states_;
  int lineage_ = 0;
  std::map<std::string, std::vector<Digest>> newest_content_;  // of each definition
  std::vector<std::pair<uint64_t, uint64_t>> unnoted_;         // first and last number
  uint64_t newest_ = 0;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_HISTORY_H_
