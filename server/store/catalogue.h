#ifndef REPLICAST_SERVER_STORE_CATALOGUE_H_
#define REPLICAST_SERVER_STORE_CATALOGUE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/base/lsn.h"
#include "replicast/v1/types.pb.h"
#include "server/store/statements.h"

namespace replicast::store {

enum class StreamState : int {
  kBuilding = 0,
  kReady = 1,
  kStopped = 2,
  kUnresolved = 3,  // stopped because its definition means nothing in the present schema: begins anew once it does
};

// One stream as it is stored.
struct StreamRecord {
  int64_t id = 0;  // given by Add; another one for every index build
  DefinitionHash definition_hash;
  v1::Definition definition;
  v1::DatasetSchema schema;
  StreamState state = StreamState::kBuilding;
  std::string reason;
  HistoryId stopped_history;
  Lsn stopped_lsn;
  Lsn prev_lsn;
  std::vector<TableState> tables;
  std::vector<uint32_t> relations;  // of each table
};

struct RelationRecord {
  uint32_t id = 0;
  std::string name, ddl;
};

// Streams, datasets and relations in the server's state database. All writes belong to the caller's transaction.
class Catalogue {
 public:
  explicit Catalogue(Statements& statements) : statements_(statements) {}

  absl::StatusOr<std::vector<StreamRecord>> Streams();
  absl::Status Add(StreamRecord* stream);                 // gives it its id
  absl::Status Update(const StreamRecord& stream);        // state, reason, positions, digests
  absl::Status UpdateSchema(const StreamRecord& stream);  // and its relations
  absl::Status UpdatePosition(int64_t stream, Lsn prev_lsn, const std::vector<TableState>& tables);
  // Its units and index rows are left to be removed step by step.
  absl::Status Remove(int64_t stream);
  absl::StatusOr<std::vector<int64_t>> DeadStreams();
  absl::Status Bury(int64_t stream);  // nothing is left of it

  absl::StatusOr<std::map<std::string, DefinitionHash>> Datasets();
  // In the place of what it was.
  absl::Status SetDataset(const std::string& name, const DefinitionHash& definition);
  absl::Status RemoveDataset(const std::string& name);

  absl::StatusOr<std::vector<RelationRecord>> Relations();
  absl::StatusOr<uint32_t> AddRelation(const std::string& name, const std::string& ddl);
  // Its index rows are left to be removed step by step.
  absl::Status RemoveRelation(uint32_t id);
  absl::StatusOr<std::vector<int64_t>> DeadRelations();
  absl::Status BuryRelation(int64_t id);

 private:
  absl::Status AddRelationsOf(const StreamRecord& stream);
  absl::StatusOr<std::vector<int64_t>> Numbers(const char* sql);

  Statements& statements_;
};

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_CATALOGUE_H_
