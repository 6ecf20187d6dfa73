#ifndef REPLICAST_SERVER_ROUTE_TABLE_ROUTER_H_
#define REPLICAST_SERVER_ROUTE_TABLE_ROUTER_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/sqlite/row_filter.h"
#include "server/route/table_view.h"
#include "server/source/relation.h"
#include "server/store/row_index.h"

namespace replicast::route {

// One stream's interest in a relation.
struct TableInterest {
  int64_t stream = 0;
  uint32_t table = 0;  // place in the stream's definition
  std::vector<int> columns;
  std::string filter;
};

// What a touched row means to one stream.
struct Change {
  int64_t stream = 0;
  uint32_t table = 0;
  bool was_in = false;
  Digest before;             // where it was in
  const Row* row = nullptr;  // published columns; nullptr: the row left the stream
  Digest after;              // where it is in
};

// Routes touched rows of one relation to all streams that want it. Equality filters are looked up by the row's value,
// the others evaluated on one loaded row; the row is hashed once for each distinct choice of columns. Not thread safe.
class TableRouter {
 public:
  static absl::StatusOr<std::unique_ptr<TableRouter>> Create(const Relation& relation,
                                                             std::vector<TableInterest> interests);

  // `row`: as it is now, nullptr: gone. `before`: who had it, in order of streams; streams without an interest here are
  // passed over. `changes` is in order of streams; its rows are valid until the next call, and as long as `row`.
  void Route(const Row* row, const std::vector<store::RowIndex::Entry>& before, std::vector<Change>* changes);

  uint64_t filter_errors() const { return filters_ == nullptr ? 0 : filters_->errors(); }

 private:
  struct Interest {
    int64_t stream;
    uint32_t table;
    size_t projection;
    int filter;  // in filters_; -1: none
  };
  struct HashedProjection {
    Projection projection;
    bool fresh = false;
    const Row* row = nullptr;
    Digest hash;
  };
  // Filters `column = literal` on one column.
  struct Lookup {
    int column;
    absl::flat_hash_map<std::string, std::vector<size_t>> texts;
    absl::flat_hash_map<int64_t, std::vector<size_t>> integers;
    std::vector<size_t> with_integers;  // all of `integers`, to be evaluated where the value is a real
  };

  explicit TableRouter(const Relation& relation) : relation_(relation) {}
  absl::Status Add(const TableInterest& interest);
  void Match(const Row& row);
  const HashedProjection& Hashed(size_t projection, const Row& row);

  const Relation relation_;
  std::vector<Interest> interests_;  // in order of streams
  std::vector<HashedProjection> projections_;
  std::unique_ptr<sqlite::RowFilters> filters_;
  std::vector<size_t> unfiltered_, evaluated_;
  std::vector<Lookup> lookups_;
  std::vector<size_t> matched_;  // by the present row; sorted
};

}  // namespace replicast::route

#endif  // REPLICAST_SERVER_ROUTE_TABLE_ROUTER_H_
