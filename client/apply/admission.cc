#include "client/apply/admission.h"

namespace replicast {

Admission Admit(const Position& at, const v1::UnitHeader& unit) {
  if (unit.definition_hash() != at.definition.view()) return Admission::kOtherDefinition;
  if (unit.kind() == v1::UNIT_KIND_HISTORY) {
    if (unit.history_id() == at.history.view()) return Admission::kAlreadyHave;
    // Who is ahead of until knows units that this line of history does not have: nothing leads out for it.
    if (unit.prev_history_id() != at.history.view() || at.lsn.value > unit.until_lsn()) return Admission::kOtherHistory;
    return unit.prev_lsn() <= at.lsn.value ? Admission::kApplied : Admission::kGap;
  }
  if (unit.history_id() != at.history.view()) return Admission::kOtherHistory;
  if (unit.last_lsn() <= at.lsn.value) return Admission::kAlreadyHave;
  return unit.prev_lsn() <= at.lsn.value ? Admission::kApplied : Admission::kGap;
}

}  // namespace replicast
