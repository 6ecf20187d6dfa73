#ifndef REPLICAST_SERVER_STORE_ROW_INDEX_H_
#define REPLICAST_SERVER_STORE_ROW_INDEX_H_

#include <absl/container/btree_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/base/digest.h"
#include "server/store/statements.h"

namespace replicast::store {

// (relation, ordered key, stream) → hash of the row as it was published. Written behind: changes are kept in memory,
// sorted, and written in key order; after a crash they are made again from the stored units above ServerState::flushed.
// Two generations: the newest changes, and those frozen for being written step by step. Not thread safe; writes to the
// table belong to the caller's transaction. After a transaction was rolled back the object is of no use any more.
class RowIndex {
 public:
  struct Entry {
    int64_t stream = 0;
    Digest hash;
  };
  explicit RowIndex(Statements& statements) : statements_(statements) {}

  // Every stream that has the row, in order of their numbers.
  absl::Status Find(uint32_t relation, std::string_view key, std::vector<Entry>* entries);
  void Set(uint32_t relation, std::string_view key, int64_t stream, Digest hash);
  void Erase(uint32_t relation, std::string_view key, int64_t stream);
  // Straight into the table: for index builds, whose keys come in order and were not in the index before.
  absl::Status Insert(uint32_t relation, std::string_view key, int64_t stream, Digest hash);

  // --- writing behind
  size_t unwritten() const { return newest_.size() + frozen_.size(); }
  // Of the changes that aren't frozen: their number, long keys counting for several.
  size_t weight() const { return newest_.size() + newest_key_bytes_ / 128; }
  bool freezing() const { return frozen_serial_.has_value(); }
  // The changes so far, which are those of units up to `serial`, will be written by WriteSome.
  void Freeze(uint64_t serial);
  // Writes up to `count` frozen entries; the frozen serial when all are written (then the table is flushed to there).
  absl::StatusOr<std::optional<uint64_t>> WriteSome(size_t count);
  // Writes all that is in memory.
  absl::Status WriteAll();

  // --- streams that are gone
  // Drops what is in memory of the stream.
  void Forget(int64_t stream);
  // Drops everything, also from the table.
  absl::Status Clear();
  // Looks at up to `count` rows of the table behind the last ones, and removes those for whose relation and stream
  // `dead` is true. True when the end was reached; the next call begins at the start again.
  template <typename Predicate>
  absl::StatusOr<bool> Sweep(size_t count, const Predicate& dead);

  class Cursor;

 private:
  struct Place {
    uint32_t relation;
    int64_t stream;
    std::string key;
  };
  struct PlaceView {
    uint32_t relation;
    int64_t stream;
    std::string_view key;
  };
  struct Less {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      if (a.relation != b.relation) return a.relation < b.relation;
      if (int order = std::string_view(a.key).compare(std::string_view(b.key)); order != 0) return order < 0;
      return a.stream < b.stream;
    }
  };
  using Changes = absl::btree_map<Place, std::optional<Digest>, Less>;  // nothing: the row is gone
  static void Overlay(const Changes& changes, const PlaceView& place, std::vector<Entry>* entries);
  static void Apply(int64_t stream, const std::optional<Digest>& hash, std::vector<Entry>* entries);
  void Change(uint32_t relation, std::string_view key, int64_t stream, std::optional<Digest> hash);
  absl::Status Write(const Place& place, const std::optional<Digest>& hash);
  struct Swept {
    uint32_t relation;
    std::string key;
    int64_t stream;
  };
  absl::StatusOr<std::vector<Swept>> SweepNext(size_t count);
  absl::Status RemoveFromTable(const Swept& row);

  Statements& statements_;
  Changes newest_, frozen_;
  size_t newest_key_bytes_ = 0;
  std::optional<uint64_t> frozen_serial_;
  Changes::const_iterator frozen_at_;
  Swept swept_{0, "", 0};
};

// The keys of one relation in order, behind `after_key`, with every stream that has the row. The index must not change
// meanwhile.
class RowIndex::Cursor {
 public:
  Cursor(RowIndex& index, uint32_t relation, std::string after_key);
  absl::Status Open();
  bool valid() const { return valid_; }
  const std::string& key() const { return key_; }
  const std::vector<Entry>& entries() const { return entries_; }  // in order of streams; never empty
  absl::Status Next();

 private:
  // What one generation in memory still holds of the relation.
  struct Generation {
    Changes::const_iterator at, end;
    bool valid() const { return at != end; }
  };
  Generation Behind(const Changes& changes) const;
  absl::Status StepTable();
  void Take(Generation* generation);  // its changes of `key_`

  RowIndex& index_;
  const uint32_t relation_;
  std::optional<sqlite::Statement> select_;
  Generation frozen_, newest_;
  bool table_valid_ = false, valid_ = false;
  std::string table_key_, key_;
  Entry table_entry_;
  std::vector<Entry> entries_;
};

template <typename Predicate>
absl::StatusOr<bool> RowIndex::Sweep(size_t count, const Predicate& dead) {
  absl::StatusOr<std::vector<Swept>> rows = SweepNext(count);
  if (!rows.ok()) return rows.status();
  for (const Swept& row : *rows) {
    if (!dead(row.relation, row.stream)) continue;
    if (absl::Status removed = RemoveFromTable(row); !removed.ok()) return removed;
  }
  if (rows->size() < count) {
    swept_ = {0, "", 0};
    return true;
  }
  swept_ = rows->back();
  return false;
}

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_ROW_INDEX_H_
