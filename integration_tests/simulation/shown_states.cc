#include "integration_tests/simulation/shown_states.h"

#include <absl/strings/str_cat.h>

#include "common/base/errors.h"

namespace replicast::simulation {

absl::StatusOr<Digest> ContentOf(SimulatedReplica& replica) {
  ASSIGN_OR_RETURN(sqlite::Database* const reader, replica.Reader());
  return ContentOf(*reader, DefinitionOf(replica.dataset()), false);
}

void ShownStates::OnShown(SimulatedReplica& replica) {
  const std::optional<Position> position = replica.position();
  if (!position) return;
  const auto before = newest_.find(replica.name());
  if (before != newest_.end() && before->second.history == position->history && position->lsn < before->second.lsn) {
    throw Violation(
        absl::StrCat(replica.name(), " goes back from ", before->second.lsn.ToText(), " to ", position->lsn.ToText()));
  }
  newest_[replica.name()] = *position;
  const absl::StatusOr<Digest> content = ContentOf(replica);
  if (!content.ok()) return;
  trace_.Count("states checked");
  if (history_.Had(replica.dataset(), position->lsn.number(), *content)) {
    replica.SetTampered(false);
  } else if (!replica.tampered()) {
    throw Violation(absl::StrCat(replica.name(), " shows at ", position->lsn.ToText(), " what the master never was"));
  }
}

}  // namespace replicast::simulation
