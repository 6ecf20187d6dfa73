#include "integration_tests/simulation/shown_states.h"

#include <absl/strings/str_cat.h>

#include "common/base/errors.h"

namespace replicast::simulation {

absl::StatusOr<Digest> ContentOf(SimulatedReplica& replica) {
  ASSIGN_OR_RETURN(sqlite::Database* const reader, replica.Reader());
  return ContentOf(*reader, ChoiceOf(replica.dataset()).definitions[0], false);
}

std::optional<ShownStates::Shown> ShownStates::Read(sqlite::Database& reader) {
  auto select =
      reader.Prepare("SELECT history_id, lsn, shown_definition FROM _replicast_state WHERE history_id IS NOT NULL");
  if (!select.ok()) return std::nullopt;
  const auto row = select->Step();
  if (!row.ok() || !*row) return std::nullopt;
  return Shown{std::string(select->Bytes(0)), Lsn{static_cast<uint64_t>(select->Int(1))},
               DefinitionHash::FromBytes(select->Bytes(2)).value_or(DefinitionHash())};
}

void ShownStates::OnShown(SimulatedReplica& replica) {
  const absl::StatusOr<sqlite::Database*> reader = replica.Reader();
  if (!reader.ok()) return;
  const std::optional<Shown> shown = Read(**reader);
  if (!shown) return;
  const auto before = newest_.find(replica.name());
  if (before != newest_.end() && before->second.history == shown->history && shown->lsn < before->second.lsn) {
    throw Violation(
        absl::StrCat(replica.name(), " goes back from ", before->second.lsn.ToText(), " to ", shown->lsn.ToText()));
  }
  newest_[replica.name()] = *shown;
  if (const ReplicaDatabase* database = replica.database(); database != nullptr &&
                                                            !database->damaged_tables().empty() &&
                                                            !replica.was_tampered() && !history_.ever_unnoted()) {
    throw Violation(absl::StrCat(replica.name(), " finds ", database->damaged_tables()[0],
                                 " damaged, and nobody wrote to it or past the triggers"));
  }
  const absl::StatusOr<Digest> content = ContentOf(replica);
  if (!content.ok()) return;
  trace_.Count("states checked");
  if (history_.Had(replica.dataset(), shown->lsn.number(), shown->definition, *content)) {
    replica.SetTampered(false);
  } else if (!replica.tampered()) {
    throw Violation(absl::StrCat(replica.name(), " shows at ", shown->lsn.ToText(), " what the master never was"));
  }
}

}  // namespace replicast::simulation
