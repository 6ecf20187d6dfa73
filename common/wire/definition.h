#ifndef REPLICAST_COMMON_WIRE_DEFINITION_H_
#define REPLICAST_COMMON_WIRE_DEFINITION_H_

#include <absl/status/statusor.h>

#include <string>

#include "common/base/lsn.h"
#include "replicast/v1/types.pb.h"

namespace replicast::wire {

// The canonical form: tables and exceptions sorted by name, filters trimmed, "*" kept, empty column lists become "*".
// INVALID_ARGUMENT (reason DEFINITION_INVALID) when a table or column is named twice, there is no table, or a bound of
// limits.h is passed.
absl::StatusOr<v1::Definition> Canonical(const v1::Definition& definition);
// SHA-256 of the canonical form, serialized with fields in the order of their numbers.
DefinitionHash HashOf(const v1::Definition& canonical);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_DEFINITION_H_
