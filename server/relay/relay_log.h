#ifndef REPLICAST_SERVER_RELAY_RELAY_LOG_H_
#define REPLICAST_SERVER_RELAY_RELAY_LOG_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/apply/admission.h"
#include "common/base/lsn.h"
#include "common/sqlite/database.h"
#include "common/wire/unit_codec.h"
#include "server/store/statements.h"
#include "server/store/unit_store.h"

namespace replicast::relay {

// The units of the streams that a relay follows, byte for byte as the master signed them, in a file of their own:
// everything in it can be fetched again, so nothing waits for the disk. The units of a stream are one unbroken chain
// from where it begins; a unit that does not lead on begins another. Bounded. One thread.
class RelayLog {
 public:
  // `database`: open, WAL; outlives this.
  static absl::StatusOr<std::unique_ptr<RelayLog>> Open(sqlite::Database& database, uint64_t most_bytes);

  // A stream, and where its chain begins and ends. Another definition is another stream.
  struct Chain {
    int64_t id = 0;
    Position begin, end;
    uint64_t schema_version = 0;  // behind its newest unit; 0: none is stored
  };
  absl::StatusOr<Chain> Add(const DefinitionHash& definition);
  absl::Status Remove(const DefinitionHash& definition);
  const Chain* Find(const DefinitionHash& definition) const;

  // Parts that were verified, in the order of their units. Gives the serials of the units that are whole now; what is
  // there already is left out. All of it in one transaction.
  absl::StatusOr<std::vector<uint64_t>> Take(const std::vector<const wire::UnitPart*>& parts);

  // A boundary without changes: a chain that holds nothing yet begins behind the last unit that had some. `shown` is
  // where the relay's own copy stands: where that is past units which the log lost, the chain begins anew.
  absl::Status TakeBoundary(const v1::UnitHeader& empty, const std::optional<Position>& shown);

  struct Way {
    enum class Step { kFollow, kCatchUp, kNone } step = Step::kNone;
    std::string reason = {};                      // of kNone, for people
    bool unknown = false;                         // of kNone: units may come that lead on from there
    std::optional<store::StoredUnit> first = {};  // of kCatchUp
  };
  // Where stored units lead from a position.
  absl::StatusOr<Way> From(const Position& position);
  // See Publisher::Hold.
  void Hold(const std::vector<Position>& positions);
  store::UnitStore& units() { return units_; }
  uint64_t most_bytes() const { return most_bytes_; }

 private:
  RelayLog(sqlite::Database& database, uint64_t most_bytes)
      : database_(database), statements_(database), units_(statements_), most_bytes_(most_bytes) {}
  absl::Status Load();
  // A unit whose parts come.
  struct Incoming {
    store::StoredUnit unit;
    bool leads_on = false;  // else it begins the chain anew
  };
  absl::Status TakePart(const wire::UnitPart& part, std::vector<uint64_t>* whole);
  absl::Status Begin(Chain& chain, const v1::UnitHeader& header);
  absl::Status Finish(Chain& chain, Incoming& open);
  absl::Status Drop(Incoming& open);
  absl::Status RemoveUnits(int64_t stream);
  absl::Status SaveEnd(const Chain& chain);

  sqlite::Database& database_;
  store::Statements statements_;
  store::UnitStore units_;
  const uint64_t most_bytes_;
  std::map<DefinitionHash, Chain> chains_;
  std::map<int64_t, Incoming> open_;  // by stream
  store::UnitStore::Holds holds_;
  uint64_t serial_ = 0;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_RELAY_LOG_H_
