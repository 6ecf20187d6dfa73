#ifndef REPLICAST_SERVER_STORE_UNIT_STORE_H_
#define REPLICAST_SERVER_STORE_UNIT_STORE_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/lsn.h"
#include "server/store/statements.h"

namespace replicast::store {

// One unit as it is stored, without its parts.
struct StoredUnit {
  uint64_t serial = 0;  // rises over all streams
  int64_t stream = 0;
  HistoryId history, prev_history;  // the same, but in a history unit
  Lsn prev, last, until;
  uint64_t schema_version = 0;  // that it leads out of
  uint32_t parts = 0;
  uint64_t bytes = 0;
  // Of all tables before it. (Those after it are the next unit's, or the stream's present ones; so every position that
  // a stored unit leads on from has its digests, also where the unit before was trimmed.)
  std::vector<TableState> before;

  bool leads_over() const { return history != prev_history; }
};

std::string EncodeTableStates(const std::vector<TableState>& states);
std::vector<TableState> DecodeTableStates(std::string_view bytes);

// The server's bounded log of encoded units, oldest first. Not thread safe; all writes belong to the caller's
// transaction. Units of one stream form an unbroken chain that ends at the newest.
class UnitStore {
 public:
  explicit UnitStore(Statements& statements) : statements_(statements) {}
  // Counts what is there. Again after a transaction was rolled back.
  absl::Status Load();

  absl::Status AddPart(uint64_t serial, uint32_t number, std::string_view data);
  absl::Status Add(const StoredUnit& unit);

  absl::StatusOr<std::string> Part(uint64_t serial, uint32_t number);
  absl::StatusOr<std::optional<StoredUnit>> Get(uint64_t serial);
  absl::StatusOr<std::optional<StoredUnit>> Oldest(int64_t stream);
  // The next unit that a copy at this position needs, whether or not it still fits; nothing: there is none behind it.
  absl::StatusOr<std::optional<StoredUnit>> Behind(int64_t stream, const HistoryId& history, Lsn lsn);
  // Where the stream stood when it was led into this history, as far as that is still stored.
  absl::StatusOr<std::optional<Lsn>> BeginningOf(int64_t stream, const HistoryId& history);
  // Has the stream one with a later serial?
  absl::StatusOr<bool> AnyAfter(int64_t stream, uint64_t serial);
  // The one with the next serial, of any stream.
  absl::StatusOr<std::optional<StoredUnit>> After(uint64_t serial);

  // Of some streams, the serial from which on somebody is going to ask for its units.
  using Holds = std::map<int64_t, uint64_t>;
  // Removes the oldest units while more than `most_bytes` are stored, but none above `keep_above`; held ones only when
  // no others are left; others that may not go yet count beside the bound.
  absl::Status Trim(uint64_t most_bytes, uint64_t keep_above, const Holds& holds = {});
  // Removes up to `count` units of the stream; true when none is left.
  absl::StatusOr<bool> RemoveSome(int64_t stream, int count);

  uint64_t bytes() const { return bytes_; }
  // Of the unit with this serial and all later ones; to about a mebibyte.
  uint64_t BytesFrom(uint64_t serial) const;
  uint64_t bytes(int64_t stream) const;

 private:
  absl::StatusOr<std::optional<StoredUnit>> One(sqlite::Statement& statement);
  absl::Status Remove(const StoredUnit& unit);
  absl::Status TrimUnheld(uint64_t most_bytes, uint64_t keep_above, const Holds& holds);

  void Count(uint64_t serial, int64_t stream, uint64_t bytes);

  // How much had been added when a unit was: one for every mebibyte.
  struct Mark {
    uint64_t serial = 0, added = 0;
  };
  Statements& statements_;
  uint64_t bytes_ = 0;
  uint64_t added_ = 0;
  std::deque<Mark> marks_;
  absl::flat_hash_map<int64_t, uint64_t> stream_bytes_;
};

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_UNIT_STORE_H_
