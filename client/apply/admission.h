#ifndef REPLICAST_CLIENT_APPLY_ADMISSION_H_
#define REPLICAST_CLIENT_APPLY_ADMISSION_H_

#include "client/apply/replica_database.h"
#include "common/base/lsn.h"
#include "replicast/v1/units.pb.h"

namespace replicast {

// The one admission rule, on every path by which a unit can arrive. kApplied means: apply it.
Admission Admit(const Position& at, const v1::UnitHeader& unit);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_ADMISSION_H_
