#include "client/receive/unit_assembler.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast {

std::string_view PartOutcomeName(PartOutcome outcome) {
  switch (outcome) {
    case PartOutcome::kPart:
      return "part";
    case PartOutcome::kBadSignature:
      return "bad_signature";
    case PartOutcome::kMalformed:
      return "malformed";
    case PartOutcome::kOtherDefinition:
      return "other_definition";
    case PartOutcome::kBrokenChain:
      return "broken_chain";
    case PartOutcome::kCount:
      break;
  }
  return "unknown";
}

UnitAssembler::UnitAssembler(std::string signing_public_key, const DefinitionHash& definition)
    : verifier_(std::move(signing_public_key)), definition_(definition.ToBytes()) {}

PartOutcome UnitAssembler::Take(std::string message, wire::UnitPart* part) {
  absl::StatusOr<wire::UnitPart> opened = wire::OpenUnitPart(std::move(message), verifier_);
  PartOutcome outcome = PartOutcome::kMalformed;
  if (opened.ok()) {
    outcome = Check(*opened);
  } else if (opened.status().code() == absl::StatusCode::kPermissionDenied) {
    outcome = PartOutcome::kBadSignature;
  }
  ++counts_[static_cast<size_t>(outcome)];
  if (outcome != PartOutcome::kPart) {
    open_ = false;
    return outcome;
  }
  open_ = !opened->header.final_part();
  if (open_) {
    last_ = opened->header;
    chain_ = opened->body_hash_chain;
  }
  *part = *std::move(opened);
  return outcome;
}

PartOutcome UnitAssembler::Check(const wire::UnitPart& part) {
  if (part.header.definition_hash() != definition_) return PartOutcome::kOtherDefinition;
  if (part.header.part_number() == 1) {
    return part.header.earlier_parts_hash().empty() ? PartOutcome::kPart : PartOutcome::kMalformed;
  }
  if (!open_ || !Continues(part.header)) return PartOutcome::kBrokenChain;
  return PartOutcome::kPart;
}

bool UnitAssembler::Continues(const v1::UnitHeader& header) const {
  return header.part_number() == last_.part_number() + 1 && header.earlier_parts_hash() == chain_ &&
         header.kind() == last_.kind() && header.history_id() == last_.history_id() &&
         header.prev_lsn() == last_.prev_lsn() && header.last_lsn() == last_.last_lsn() &&
         header.prev_history_id() == last_.prev_history_id() && header.until_lsn() == last_.until_lsn() &&
         header.schema_version() == last_.schema_version();
}

}  // namespace replicast
