#ifndef REPLICAST_CLIENT_APPLY_APPLY_TEST_RIG_H_
#define REPLICAST_CLIENT_APPLY_APPLY_TEST_RIG_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/random.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/crypto.h"
#include "common/sqlite/database.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/signer.h"

namespace replicast {

// A master in memory with one table item(id INTEGER PRIMARY KEY, u INT UNIQUE, v) that makes signed units and chunks,
// and a replica database in a folder of its own.
class ApplyRig {
 public:
  explicit ApplyRig(v1::DatasetSchema schema = ItemSchema());

  static v1::DatasetSchema ItemSchema();
  static Row Item(int64_t id, Value u, Value v) { return {id, std::move(u), std::move(v)}; }

  // The changes of one unit: what rows are there now, which keys are gone; they move the master too.
  void Put(const Row& row) { upserts_.push_back(row); }
  void Remove(const Row& key) { deletes_.push_back(key); }
  // The unit's parts; `last` counts on from the unit before.
  std::vector<wire::UnitPart> Unit();
  std::vector<wire::UnitPart> HistoryUnit(uint64_t until);
  // Nothing happened until `at`, by the master's clock.
  wire::UnitPart EmptyUnit(absl::Time at);
  // The same with another schema; every row of the master is made to be what `renew` gives.
  std::vector<wire::UnitPart> SchemaUnit(const v1::SchemaChange& change, const std::function<Row(const Row&)>& renew);
  // Keys in (after, through]; empty through: to the end.
  wire::Chunk ChunkOf(const std::string& after, const std::string& through);
  // Likewise, with the last row in pieces.
  std::vector<wire::Chunk> MessagesOf(const std::string& after, const std::string& through);
  static std::string KeyText(int64_t id);

  std::unique_ptr<ReplicaDatabase> Open();
  // Opened, with the dataset set and a snapshot shown.
  std::unique_ptr<ReplicaDatabase> OpenWithSnapshot();
  void LoadAll(ReplicaDatabase& replica);
  std::vector<Row> Shown(const std::string& table = "item");
  std::vector<Row> Master() const;
  const v1::DatasetSchema& schema() const { return schema_; }
  sqlite::Database& Other();  // another program's connection to the replica database

  const TemporaryFolder temporary;
  const std::string folder = temporary.path(), path = folder + "/replica.db";
  uint64_t max_row_bytes = limits::kDefaultMaxRowBytes;
  ManualClock clock;
  SeededRandom random{7};
  Lsn lsn = Lsn::Of(10, 0), prev = Lsn::Of(10, 0);
  HistoryId history;
  DefinitionHash definition;

 private:
  v1::UnitHeader Header(v1::UnitKind kind) const;
  v1::ChunkHeader HeaderOf(const std::string& after, const std::string& through) const;
  std::vector<Row> RowsIn(const std::string& after, const std::string& through) const;
  wire::Chunk Opened(const v1::SignedChunk& chunk) const;
  std::vector<wire::UnitPart> Write(v1::UnitHeader header, const v1::SchemaChange* change = nullptr);
  TableState State() const;
  std::vector<v1::TableDigest> Digests() const;

  v1::DatasetSchema schema_;
  crypto::KeyPair signing_;
  wire::Signer signer_;
  wire::Verifier verifier_;
  std::map<std::string, Row> rows_;  // by canonical bytes of the key
  std::vector<Row> upserts_, deletes_;
  std::unique_ptr<sqlite::Database> other_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_APPLY_TEST_RIG_H_
