#ifndef REPLICAST_CLIENT_APPLY_REPLICA_DATABASE_H_
#define REPLICAST_CLIENT_APPLY_REPLICA_DATABASE_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/apply/row_difference.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/lsn.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/unit_codec.h"
#include "replicast/v1/synchronization_service.pb.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// What came of offering a unit to the admission rule (DESIGN invariant 1).
enum class Admission {
  kApplied,
  kAlreadyHave,   // last_lsn <= p; an empty unit's freshness is noted all the same
  kGap,           // prev_lsn > p: keep it aside, catch up from p
  kOtherHistory,  // not ours, and nothing leads there from here: a snapshot
  kOtherDefinition,
};

// The replica database of one dataset: its tables, its position, its staging. The position moves only here, in the
// transaction that applied the unit. Readers see only boundaries: a unit is applied, and staging is swapped in, in one
// transaction. One thread; files through the VFS given; steppable.
class ReplicaDatabase {
 public:
  struct Options {
    std::string path;
    std::string vfs = {};
    bool create = false;
    uint64_t max_row_bytes = limits::kDefaultMaxRowBytes;  // of long values in one row: longer ones are refused
  };
  static absl::StatusOr<std::unique_ptr<ReplicaDatabase>> Open(const Options& options, Clock& clock);
  virtual ~ReplicaDatabase() = default;

  // What this database is a replica of; empty before SetDataset.
  struct Identity {
    ServerId server;
    std::string dataset;
    DefinitionHash definition;
  };
  virtual std::optional<Identity> identity() const = 0;
  // FAILED_PRECONDITION (OTHER_SERVER, OTHER_DEFINITION, OTHER_ENCODING, TABLE_IN_THE_WAY): says which, and what to do.
  // Remembers definition and schema; creates no table that readers see. Another definition of the same dataset is
  // taken: until a snapshot of it is shown, readers see what they had, and position() is of the former one.
  virtual absl::Status SetDataset(const Identity& identity, const v1::Definition& definition,
                                  const v1::DatasetSchema& schema) = 0;
  // Where the tables that readers see stand; empty: nothing to see yet.
  virtual std::optional<Position> position() const = 0;
  virtual Lsn freshness_lsn() const = 0;
  virtual absl::Time master_time() const = 0;  // wall time of the master at the newest boundary heard of
  virtual std::vector<TableState> table_states() const = 0;

  // Offers one verified part. Parts of a unit come in order, from one path at a time: BeginUnit is implied by part 1,
  // and a part that does not continue the one before drops what was begun. Nothing is visible before the final part.
  // Units above a size are spooled to disk. A digest that does not agree after a unit is noted (see damaged_tables),
  // not an error. Errors are the machine's (disk full, locked for long; ROW_TOO_LARGE: a longer row than is allowed
  // here): nothing is lost, offer the unit again.
  virtual absl::StatusOr<Admission> Offer(const wire::UnitPart& part) = 0;
  // Offers several whole units in one transaction where the rule admits them; stops at the first that it does not.
  virtual absl::StatusOr<Admission> OfferAll(const std::vector<wire::UnitPart>& parts) = 0;
  // Names of tables whose rows are not what the digests say: somebody wrote to them. The session takes a new snapshot.
  virtual const std::vector<std::string>& damaged_tables() const = 0;
  // Digest over the actual rows of every table, in one read transaction, with the position that it was read at.
  struct Actual {
    Position position;
    std::vector<TableState> tables;
    std::vector<std::string> names;
  };
  // Works from any process, on a database that a daemon is writing: opens its own read-only connection.
  static absl::StatusOr<Actual> ReadActual(const std::string& path, const std::string& vfs = {});
  // Position, identity, freshness for `status`, read-only, from any process.
  struct Shown {
    Identity identity;
    std::optional<Position> position;
    absl::Time master_time;
    std::vector<std::pair<std::string, uint64_t>> tables;  // name, rows
    std::string daemon_state_json;                         // what the daemon last left with SetDaemonState
    bool snapshot_running = false;
  };
  static absl::StatusOr<Shown> ReadShown(const std::string& path, const std::string& vfs = {});
  // A small JSON text about the daemon (losses, repairs, epoch) for `replicast status`; not part of any transaction of
  // units.
  virtual absl::Status SetDaemonState(const std::string& json) = 0;

  // --- staging: a snapshot being loaded, beside the tables that readers see
  struct StagingProgress {
    bool active = false;
    HistoryId history;  // of its chunks
    uint64_t schema_version = 0;
    uint32_t table = 0;  // next range to ask for
    std::string after_key;
    bool chunks_complete = false;      // ranges tile every table
    std::optional<Position> position;  // its own; the admission rule applies to it
    Lsn exact_at;                      // it can be shown from here on
    uint64_t rows = 0, bytes = 0;
    Differences differences;  // a few of the rows that readers see otherwise
  };
  virtual StagingProgress staging() const = 0;
  virtual absl::Status BeginStaging(const v1::DatasetSchema& schema) = 0;  // drops an earlier one
  virtual absl::Status DropStaging() = 0;
  // Ranges of the rows that readers see, behind the chunks that are loaded, in the table that comes next: what the
  // server has the same it need not tell (LoadChunk copies it). At most so many rows each. Empty: readers see nothing
  // yet.
  virtual absl::StatusOr<std::vector<v1::HeldRange>> HeldRanges(uint64_t most_rows = limits::kHeldRows) = 0;
  // A verified message of a chunk; with the last one of its range it counts. False: of another history or schema, it
  // must start again (BeginStaging). ROW_TOO_LARGE as above. ABORTED (HELD_DIFFERS): what readers see is not what the
  // chunk takes it for.
  virtual absl::StatusOr<bool> LoadChunk(const wire::Chunk& chunk, size_t wire_bytes) = 0;
  // Offers a part to staging's own position.
  virtual absl::StatusOr<Admission> OfferToStaging(const wire::UnitPart& part) = 0;
  // When it is complete and exact and the digests agree: UNIQUE indexes, then swapped in, in one transaction. True: it
  // is shown now. False: not yet. DATA_LOSS (STAGING_DIFFERS): digests disagree; it was dropped.
  virtual absl::StatusOr<bool> TrySwap() = 0;

  // Everything that was applied outlives a power loss when it returns.
  virtual absl::Status MakeDurable() = 0;
  // Bytes that one transaction of Offer took longest and so on belong to metrics; the WAL is kept small.
  virtual absl::Status Checkpoint() = 0;
  // Cuts a WAL that a long unit left long, which a reader may have prevented then. Now and then.
  virtual absl::Status ShortenLog() = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_REPLICA_DATABASE_H_
