#ifndef REPLICAST_SERVER_PUBLISH_CARRY_OVER_H_
#define REPLICAST_SERVER_PUBLISH_CARRY_OVER_H_

#include <absl/status/statusor.h>

#include <functional>
#include <string>

#include "server/publish/range_comparison.h"
#include "server/publish/schema_plan.h"

namespace replicast::publish {

// The row index of a table whose schema changed: its new entries are what replicas have once they took their old rows
// over. Range by range: what the old entry proves of the new row (or, where columns are gone, what is trusted since its
// hooks were there all the time) is entered as the row's hash; what nothing proves is entered as unknown, so that the
// row itself is sent. Then the range is compared as any other. In a transaction of its own for each range.
class CarryOver {
 public:
  struct Trust {
    bool hooks_kept = false;  // every change since the last boundary was noted
    std::function<absl::StatusOr<bool>(const std::string& key)> noted;  // was this (encoded) key noted since?
  };
  CarryOver(Core& core, route::Router& router, const Relation& relation, SchemaPlan& plan, Trust trust);

  // Whether there is anything of which rows may come from the old table: only then are the old keys of this table's
  // kind.
  bool carries() const { return !sides_.empty(); }
  // As CompareRange.
  absl::StatusOr<std::string> Range(Reading& reading, const std::string& after, RangeVisitor& visitor);

 private:
  // One stream that had the table, and has it still.
  struct Side {
    int64_t stream;
    const OriginOfTable* origin;
    route::Projection projection;
    TableState* state;
    std::string old_name;
  };
  absl::Status Enter(const std::string& key, const Row* row, const std::vector<store::RowIndex::Entry>& before);
  absl::StatusOr<bool> IsProven(const Side& side, const std::string& key, const Row& published, const Digest& before);

  Core& core_;
  route::Router& router_;
  const Relation& relation_;
  uint32_t old_relation_;
  Trust trust_;
  std::vector<Side> sides_;                      // in order of streams
  std::vector<store::RowIndex::Entry> entered_;  // of the present key
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_CARRY_OVER_H_
