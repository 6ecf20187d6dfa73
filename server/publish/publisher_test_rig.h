#ifndef REPLICAST_SERVER_PUBLISH_PUBLISHER_TEST_RIG_H_
#define REPLICAST_SERVER_PUBLISH_PUBLISHER_TEST_RIG_H_

#include <gtest/gtest.h>

#include <climits>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/temporary_folder.h"
#include "common/crypto/crypto.h"
#include "common/sqlite/row_filter.h"
#include "common/wire/long_row.h"
#include "server/publish/publisher.h"
#include "server/source/fake_source.h"

namespace replicast::testing {

// A whole unit as a replica got it.
struct HeardUnit {
  v1::UnitHeader header;  // of the final part
  std::vector<v1::UnitBody> bodies;
  Lsn prev() const { return Lsn{header.prev_lsn()}; }
  Lsn last() const { return Lsn{header.last_lsn()}; }
};

// Keeps what the publisher tells, unit by unit.
class Listener : public UnitListener {
 public:
  explicit Listener(const wire::Verifier& verifier) : verifier_(verifier) {}
  void OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader& header, const wire::EncodedPart& part) override;
  bool TakesMore() const override { return takes > 0; }
  void OnStreamReady(const StreamInfo& stream) override { ready.push_back(stream); }
  void OnStreamStopped(const StreamInfo& stream) override { stopped.push_back(stream); }
  std::vector<HeardUnit> Take(const DefinitionHash& stream);  // what came since the last time
  static void Gather(const wire::Verifier& verifier, const std::string& part, HeardUnit* open,
                     std::vector<HeardUnit>* done);

  std::vector<StreamInfo> ready, stopped;
  int takes = INT_MAX;  // so many parts more

 private:
  const wire::Verifier& verifier_;
  std::map<DefinitionHash, std::vector<HeardUnit>> heard_;
  std::map<DefinitionHash, HeardUnit> open_;
};

// A replica small enough to be believed: the admission rule, staging, nothing else.
class TinyReplica {
 public:
  using Tables = std::vector<std::map<std::string, Row>>;  // rows by encoded key
  enum class Admission { kHad, kApplied, kGap, kForeign };

  TinyReplica(v1::DatasetSchema schema, DefinitionHash stream) : schema_(std::move(schema)), stream_(stream) {}

  // --- live
  Admission Admit(const HeardUnit& unit);
  std::optional<Position> position() const;
  const Tables& tables() const { return live_.tables; }
  TableState StateOf(size_t table) const;  // digest and count of the rows that it has

  // --- snapshot
  void BeginStaging();
  bool staging() const { return staging_.has_value(); }
  void Load(const v1::SignedChunk& chunk, publish::ChunkPieces* pieces, const wire::Verifier& verifier);
  std::optional<Position> staging_position() const;
  Admission AdmitToStaging(const HeardUnit& unit);
  // Swaps staging in if it is complete and exact; digests must then agree.
  bool TrySwap();

  // Where to go on fetching chunks; nothing: all were loaded.
  struct Wanted {
    uint32_t table;
    std::string after_key;
  };
  std::optional<Wanted> wanted() const { return wanted_; }

 private:
  struct Copy {
    HistoryId history;
    Lsn at, exact;
    bool known = false;
    Tables tables;
  };
  Admission AdmitTo(Copy* copy, const HeardUnit& unit);
  void Apply(Copy* copy, const HeardUnit& unit);
  void TakeOver(Copy* copy, const v1::SchemaChange& change);
  void TakePiece(const v1::RowPiece& piece, wire::LongRowReader* reader, Copy* copy);
  Row KeyOf(size_t table, const Row& row) const;

  v1::DatasetSchema schema_;
  DefinitionHash stream_;
  Copy live_;
  std::set<HistoryId> left_;  // histories that it was led out of: their units may be told again
  std::optional<Copy> staging_;
  std::optional<Wanted> wanted_;
};

// A publisher over a fake source and a state database in a folder of its own, which can crash and start again.
class PublisherRig : public ::testing::Test {
 protected:
  PublisherRig();
  ~PublisherRig() override;

  void Start();
  // The server dies: only what is in the state database's files is left.
  void Crash();
  void Restart() {
    Crash();
    Start();
  }

  static v1::TableDefinition Table(const std::string& name, const std::vector<std::string>& columns = {"*"},
                                   const std::string& filter = "");
  static v1::Definition Define(const std::vector<v1::TableDefinition>& tables);
  DefinitionHash Create(const std::string& name, const v1::Definition& definition);
  void Build();  // until nothing is left to do
  Publisher::DrainResult Drain();
  // Drains until nothing is left to do, as after what needs a comparison of all rows.
  Publisher::DrainResult DrainToTheEnd();

  // The rows that the source says this stream should have.
  TinyReplica::Tables Truth(const DefinitionHash& stream);
  // A replica that took a snapshot and stands where the stream does.
  TinyReplica Join(const DefinitionHash& stream);
  void Snapshot(const DefinitionHash& stream, TinyReplica* replica);
  // By CatchUp alone; false: only a snapshot helps.
  bool CatchUp(const DefinitionHash& stream, TinyReplica* replica, size_t most_bytes = 1 << 20);
  bool CatchUpStaging(const DefinitionHash& stream, TinyReplica* replica);
  absl::StatusOr<std::vector<HeardUnit>> UnitsFrom(const Position& position, size_t most_bytes);
  // Through what the listener heard since the last time, all of which must fit.
  void Follow(const DefinitionHash& stream, TinyReplica* replica);
  // One message of it; a long row's pieces are left.
  absl::StatusOr<v1::SignedChunk> ReadChunk(const DefinitionHash& stream, uint32_t table, const std::string& after_key,
                                            const v1::HeldRange* held = nullptr) {
    return publisher_->ReadChunk(stream, table, after_key, held, &pieces_);
  }
  struct Compared {
    std::vector<TableState> tables;
    v1::Position read_at;
  };
  static Compared ComparedOf(const v1::CompareResponse& answer);
  absl::StatusOr<Compared> Compare(const Position& position);
  absl::StatusOr<v1::CompareResponse> Compare(const Position& position, const v1::KeyRanges& ranges);
  void WriteSomething(Random& random, int rows);

  const TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
  crypto::KeyPair keys_ = crypto::GenerateEd25519();
  wire::Signer signer_{keys_.private_key};
  wire::Verifier verifier_{keys_.public_key};
  ManualClock clock_;
  SeededRandom random_{7};
  FakeSource source_;
  Publisher::Options options_{.server = {}, .unit_store_bytes = 64u << 20, .durable = true};
  std::unique_ptr<Listener> listener_ = std::make_unique<Listener>(verifier_);
  int incarnation_ = 0;
  std::unique_ptr<sqlite::Database> state_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<publish::ChunkPieces> pieces_;
};

}  // namespace replicast::testing

#endif  // REPLICAST_SERVER_PUBLISH_PUBLISHER_TEST_RIG_H_
