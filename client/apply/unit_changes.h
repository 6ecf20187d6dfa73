#ifndef REPLICAST_CLIENT_APPLY_UNIT_CHANGES_H_
#define REPLICAST_CLIENT_APPLY_UNIT_CHANGES_H_

#include <absl/status/status.h>

#include <memory>
#include <set>
#include <vector>

#include "client/apply/table_writer.h"
#include "client/apply/unit_spool.h"
#include "replicast/v1/units.pb.h"

namespace replicast {

// The tables of one copy of a dataset (the shown one, or staging), by their number in the definition.
using TableWriters = std::vector<std::unique_ptr<TableWriter>>;

// Applies a whole unit: first every touched key of every part is deleted, then all final rows are inserted; swapped
// unique values and equal but not identical keys allow no other order. Adds to `met` the tables in which a row was in
// the way. INVALID_ARGUMENT when it does not fit the schema.
absl::Status ApplyChanges(UnitSpool& unit, const TableWriters& tables, std::vector<TableState>* states,
                          std::set<uint32_t>* met);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_UNIT_CHANGES_H_
