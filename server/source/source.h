#ifndef REPLICAST_SERVER_SOURCE_SOURCE_H_
#define REPLICAST_SERVER_SOURCE_SOURCE_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/source/relation.h"
#include "server/source/source_schema.h"

namespace replicast {

// The newest outbox entry at some boundary: its number and its random mark.
struct Tail {
  uint64_t number = 0;
  int64_t mark = 0;
  friend bool operator==(const Tail&, const Tail&) = default;
};

// How the source's outbox stands to the tail that was published last.
enum class Past {
  kSame,      // the entry is there, with its mark
  kOther,     // another mark, or a smaller newest number: another past (restored, replaced)
  kOverflow,  // the entry was trimmed: entries in between may be lost
};

// One read transaction: the source as it was at one boundary. Ends with the object. One thread at a time.
class Reading {
 public:
  virtual ~Reading() = default;
  virtual Tail newest() const = 0;
  virtual Past past() const = 0;
  // The wall clock when the transaction began.
  virtual absl::Time wall() const = 0;
  // Changes with every change of the source's schema.
  virtual int64_t schema() const = 0;
  // Why relations are no longer what they were when they were captured (DDL, triggers); empty: as installed.
  struct Change {
    uint32_t relation;
    std::string reason;  // for people, names the table
  };
  virtual const std::vector<Change>& changes() const = 0;

  // Every key noted in (after, newest], with the row that it has now, or nullptr: gone; a few may come twice. Keys of
  // relations that are not captured any more are left out. In no particular order.
  using TouchedFunction = std::function<absl::Status(const Relation& relation, const Row& key, const Row* row)>;
  virtual absl::Status ForEachTouched(uint64_t after, const TouchedFunction& function) = 0;
  // Every entry noted in (after, newest], whether or not its relation is captured still: number of the relation, as
  // many values of its key as asked for by `columns` of that number (0: left out).
  using NotedFunction = std::function<absl::Status(uint32_t relation, const Row& key)>;
  virtual absl::Status ForEachNoted(uint64_t after, const std::map<uint32_t, size_t>& columns,
                                    const NotedFunction& function) = 0;
  // Rows in key order behind `after_key` (null: from the start) until the function says false. Rows hold all columns.
  using RowFunction = std::function<absl::StatusOr<bool>(const Row& key, const Row& row)>;
  virtual absl::Status ForEachRow(const Relation& relation, const Row* after_key, const RowFunction& function) = 0;
  // The row with exactly this key. False: there is none.
  virtual absl::StatusOr<bool> Find(const Relation& relation, const Row& key, Row* row) = 0;
  virtual absl::StatusOr<uint64_t> CountRows(const Relation& relation) = 0;
};

// Where rows come from: a master database, an upstream stream, another engine. One thread.
class Source : public SourceSchema {
 public:
  // Captures exactly these relations (their ids are the caller's, never reused for another table): installs what is
  // missing, removes what is not listed. Only here is the source ever written. Which of those captured before were not
  // as they were left, and may have missed changes.
  virtual absl::StatusOr<std::vector<Reading::Change>> Capture(const std::vector<Relation>& relations) = 0;
  // Takes these relations to be captured as they were left, without writing: where that isn't so, Reading::changes
  // tells. For a start.
  virtual void Attach(const std::vector<Relation>& relations) = 0;
  // A read transaction now; `published` is the tail of the last one that was published.
  virtual absl::StatusOr<std::unique_ptr<Reading>> Read(const Tail& published) = 0;
  // The same on a connection of its own, so that another thread may go on reading it.
  virtual absl::StatusOr<std::unique_ptr<Reading>> ReadDetached(const Tail& published) = 0;
  // Returns when everything that the last Reading saw survives a power loss.
  virtual absl::Status MakeDurable() = 0;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SOURCE_SOURCE_H_
