#ifndef REPLICAST_SERVER_PUBLISH_PUBLISHER_H_
#define REPLICAST_SERVER_PUBLISH_PUBLISHER_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/lsn.h"
#include "common/base/random.h"
#include "common/sqlite/database.h"
#include "common/wire/signer.h"
#include "common/wire/unit_codec.h"
#include "replicast/v1/admin_service.pb.h"
#include "replicast/v1/synchronization_service.pb.h"
#include "replicast/v1/types.pb.h"
#include "replicast/v1/units.pb.h"
#include "server/publish/chunk_pieces.h"
#include "server/source/source.h"

namespace replicast {

// A stream as others see it. The definition hash is its name everywhere.
struct StreamInfo {
  enum class State { kBuilding, kReady, kStopped };
  DefinitionHash definition_hash;
  v1::Definition definition;
  v1::DatasetSchema schema;
  State state = State::kBuilding;
  std::string reason;      // why it is stopped, and the way out
  Position position;       // the newest boundary told or tellable
  Lsn prev_lsn;            // last_lsn of the newest unit with changes
  absl::Time master_time;  // of that boundary
  Lsn oldest_lsn;          // catch-up is possible from here on, in this history
  uint64_t row_count = 0;
  uint64_t stored_bytes = 0;
  uint64_t rows_published = 0;  // since the start
  std::vector<std::string> datasets;
};

// Gets what is to be multicast, after it is durable. Called on the publisher's thread, within its calls.
class UnitListener {
 public:
  virtual ~UnitListener() = default;
  virtual void OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader& header,
                          const wire::EncodedPart& part) = 0;
  // Parts of long units are told only while it does: what waits beyond that waits on disk.
  virtual bool TakesMore() const { return true; }
  virtual void OnStreamReady(const StreamInfo& stream) = 0;    // also after a start
  virtual void OnStreamStopped(const StreamInfo& stream) = 0;  // stopped, or deleted
};

enum class NextStep { kFollow, kCatchUp, kSnapshot };

// Rows of one table that the scrub found changed without having been noted.
struct ScrubFinding {
  absl::Time at;
  std::string table;
  uint64_t rows = 0;
  std::string first_key;  // for people
};
struct ScrubReport {
  uint64_t passes = 0;  // over all tables, since the start
  absl::Time pass_began, last_pass_ended = absl::InfinitePast();
  absl::Duration last_pass_took;
  uint64_t rows_compared = 0;          // in the present pass
  uint64_t rows_found = 0;             // since the start
  bool hurried = false;                // the present pass goes on without pauses
  std::vector<ScrubFinding> findings;  // the newest last; not more than a hundred
};

// From the source to stored, signed units: drains the source, routes rows to streams, keeps the row index, the unit
// store and every position in the server's state database, and tells the listener. Everything of one batch is in one
// transaction, durable before the listener hears of it. One thread; steppable; no clock, file or randomness of its own.
// Every Start begins a new history, with a history unit in every stream.
class Publisher {
 public:
  struct Options {
    ServerId server;
    uint64_t unit_store_bytes = 0;
    bool durable = true;
    size_t max_row_bytes = limits::kDefaultMaxRowBytes;  // in the columns that a dataset publishes
    absl::Duration scrub_interval = absl::Minutes(10);   // of a full pass
    double scrub_share = 0.05;                           // of one core, at most
    // The master is written (new triggers) only when nobody else has for so long, or for twenty times as long the
    // schema was not as it should be: who changes schemas mostly goes on doing so, and would be in the way of it.
    // Streams whose definitions mean nothing any more, or something again, end and begin anew as late.
    absl::Duration settle = absl::ZeroDuration();
  };
  // `state` is the server's own database (open, WAL). Installs its tables. Streams that were being built start again.
  static absl::StatusOr<std::unique_ptr<Publisher>> Start(sqlite::Database& state, Source& source,
                                                          const wire::Signer& signer, Clock& clock, Random& random,
                                                          UnitListener& listener, const Options& options);
  virtual ~Publisher() = default;

  // --- stepping
  enum class DrainResult { kIdle, kPublished, kMore, kUnavailable };
  // One read transaction: everything up to the boundary it finds is published. kUnavailable: the source can't be read
  // now (source_problem() tells); a broken past or overflow begins a new history, rebuilds the indexes (BuildStep) and
  // means new snapshots.
  virtual absl::StatusOr<DrainResult> Drain() = 0;
  // One bounded step of index builds and flushes. False: nothing left to do.
  virtual absl::StatusOr<bool> BuildStep() = 0;
  // Compares one range of the real rows with what was published, and publishes what differs; how long until the next
  // one is due.
  virtual absl::StatusOr<absl::Duration> ScrubStep() = 0;
  // A pass over all tables begins, and goes on without pauses.
  virtual void ScrubNow() = 0;
  virtual const ScrubReport& scrub_report() const = 0;
  // Tells the listener what is stored and was not told yet, while it takes more. False: all is told.
  virtual absl::StatusOr<bool> TellStep() = 0;
  // Drains, then a signed unit with the stream's position: empty if nothing changed, none while
  // units of it wait to be told. For freshness, and for who waits.
  virtual absl::Status PublishBoundary(const DefinitionHash& stream) = 0;
  // What the master has committed now is published, in the dataset's stream, up to the lsn that is given; on this
  // thread, at once or later. 0: whatever PublishBoundary tells.
  virtual void AskNewest(const std::string& /*dataset*/, std::function<void(absl::StatusOr<Lsn>)> answer) {
    answer(Lsn{});
  }
  virtual Tail published() const = 0;
  virtual HistoryId history() const = 0;
  virtual std::string source_problem() const = 0;
  // Why all rows are being compared with what was published, and how many so far, for people; empty: they aren't.
  virtual std::string comparison() const = 0;
  virtual absl::Time last_read() const = 0;  // clock.Now() of the last successful read

  // --- datasets. Reasons: DATASET_EXISTS, DATASET_UNKNOWN, TABLE_UNKNOWN, TABLE_UNSUPPORTED, COLUMN_UNKNOWN,
  // FILTER_INVALID, DEFINITION_INVALID, TOO_MANY_STREAMS.
  virtual absl::Status CreateDataset(const std::string& name, const v1::Definition& definition) = 0;
  // Another definition under its name; combinations with it go. The old definition's stream ends, unless another
  // dataset has it.
  virtual absl::Status AlterDataset(const std::string& name, const v1::Definition& definition) = 0;
  virtual absl::Status DeleteDataset(const std::string& name) = 0;
  // One stream of what several datasets hold together, "a+b", made where there is none yet; its name. It goes with any
  // of them. One alone is itself. Also DATASETS_DISAGREE: it would show more than they do.
  virtual absl::StatusOr<std::string> CombineDatasets(const std::vector<std::string>& names) = 0;
  // One stream of this much of a dataset, "a~1a2b…", made where there is none yet; its name. It goes with the dataset.
  // Also NARROWING_INVALID: it would show more than the dataset does.
  virtual absl::StatusOr<std::string> NarrowDataset(const std::string& name, const v1::Definition& wanted) = 0;
  // It was made because somebody asked for it, and goes when nobody has followed it for long.
  virtual bool GoesUnfollowed(const std::string& name) const = 0;
  virtual absl::StatusOr<StreamInfo> Dataset(const std::string& name) const = 0;
  virtual std::vector<std::string> Datasets() const = 0;  // names, sorted
  // What a dataset of everything would do with each table and view.
  virtual absl::StatusOr<v1::CheckMasterResponse> CheckMaster() = 0;
  virtual std::optional<StreamInfo> Stream(const DefinitionHash& stream) const = 0;
  virtual std::vector<StreamInfo> Streams() const = 0;

  // What replicas are told of the stream's tables, signed by the master's server.
  virtual absl::StatusOr<v1::SignedSchema> SchemaOf(const DefinitionHash& stream) const = 0;

  // --- synchronization
  // What a replica at this position must do; `reason` says why a snapshot, for people.
  virtual NextStep NextStepFor(const std::optional<Position>& position, std::string* reason) const = 0;
  // About what the unit store holds from the unit on that leads on from this position, and how much more may be
  // published until that one is dropped; nothing: none leads on any more, so a replica there has to compare its rows.
  struct Kept {
    uint64_t bytes = 0, bytes_left = 0;
  };
  virtual std::optional<Kept> KeptFrom(const Position& position) const = 0;
  // Who stands at these positions is going to ask for the units behind them: where the bound of the unit store leaves
  // no room, they go last. In place of what was held before.
  virtual void Hold(const std::vector<Position>& positions) = 0;
  // Stored parts that lead on from the position, at most about `most_bytes`, whole units only unless one alone is
  // larger (then `resume` goes on within it), ending with an empty unit at the newest boundary when the end is reached.
  struct CatchUpBatch {
    std::vector<wire::EncodedPart> parts;
    Position position;    // after them: ask from here
    uint64_t resume = 0;  // opaque; give it back
    bool at_end = false;
  };
  // OUT_OF_RANGE (POSITION_TRIMMED, POSITION_UNKNOWN): only a snapshot helps.
  virtual absl::StatusOr<CatchUpBatch> CatchUp(const Position& from, uint64_t resume, size_t most_bytes) = 0;
  // What a snapshot that begins now is of.
  struct SnapshotInfo {
    HistoryId history;
    v1::SignedSchema schema;
    uint64_t schema_version = 0;
    uint32_t tables = 0;
    uint64_t rows = 0;
  };
  virtual absl::StatusOr<SnapshotInfo> SnapshotOf(const DefinitionHash& stream) const = 0;
  // The chunk behind `after_key` (encoded; empty: from the start) of table t, read and scrubbed at a boundary that is
  // published first. through_key in its header tells where it ends: empty, at the table's end. Where its last row is a
  // long one, `pieces` are what follows; else they are null. `held` (nullptr: none) is what the reader has behind
  // after_key: the chunk ends with it at the latest, and is without rows where it is the same.
  virtual absl::StatusOr<v1::SignedChunk> ReadChunk(const DefinitionHash& stream, uint32_t table,
                                                    const std::string& after_key, const v1::HeldRange* held,
                                                    std::unique_ptr<publish::ChunkPieces>* pieces) = 0;
  // Compare in two steps: Begin on this thread (drains; pins a boundary), Run on any thread (scans the actual rows, of
  // ranges alone where `ranges` is given). Then the answer stands, at this position. OUT_OF_RANGE (POSITION_…,
  // SCHEMA_CHANGED, TOO_FAR: too much was changed since); INVALID_ARGUMENT (TABLE_UNKNOWN, KEY_MALFORMED).
  class Comparison {
   public:
    virtual ~Comparison() = default;
    virtual absl::Status Run() = 0;
    virtual v1::CompareResponse Answer() const = 0;
  };
  virtual absl::StatusOr<std::unique_ptr<Comparison>> BeginCompare(const Position& position,
                                                                   const v1::KeyRanges* ranges) = 0;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_PUBLISHER_H_
