#ifndef REPLICAST_SERVER_PUBLISH_SCHEMA_PLAN_H_
#define REPLICAST_SERVER_PUBLISH_SCHEMA_PLAN_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "server/publish/publisher_core.h"
#include "server/publish/table_origin.h"

namespace replicast::publish {

// What the source's present schema makes of one stream.
struct StreamPlan {
  struct Table {
    uint32_t relation = 0;
    uint32_t old_relation = 0;            // of the table that it was; 0: it was none
    std::optional<OriginOfTable> origin;  // of its rows; nothing: it begins empty
  };
  v1::SchemaChange change;  // the new schema, under the next version
  std::vector<Table> tables;
  std::vector<TableState> states;  // of the rows as replicas have taken them over; of a new number: CarryOver's to find
};

// What it makes of all streams. A table whose text or rows may be others than they were gets a new number, so that its
// old entries in outbox and row index never count for it.
struct SchemaPlan {
  std::map<int64_t, StreamPlan> streams;    // those whose schema, or a table's number, changes
  std::map<uint32_t, Relation> relations;   // all that are used from now on
  std::map<uint32_t, uint32_t> renumbered;  // new number → the one that it had; 0: none
  std::map<int64_t, Core::End> ends;        // of streams that must not go on in it

  // Reads the schema; new numbers are stored.
  static absl::StatusOr<SchemaPlan> Make(Core& core);
  // Indexes and views alone change: rows and hooks stay what they were.
  bool keeps_rows() const { return renumbered.empty(); }
  // Something befell a table whose schema is what it was.
  bool KeepsAny(const std::vector<Reading::Change>& changes) const;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_SCHEMA_PLAN_H_
