#ifndef REPLICAST_CLIENT_SESSION_UNIT_APPLIER_H_
#define REPLICAST_CLIENT_SESSION_UNIT_APPLIER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "client/receive/unit_assembler.h"
#include "client/session/offer_target.h"

namespace replicast {

// Messages of one path → verified parts → the target, many small units in one transaction. What the target has already
// is skipped before its signature is looked at. One thread.
class UnitApplier {
 public:
  enum class Result {
    kAll,
    kGap,           // the message at `taken` is above the position
    kOtherHistory,  // the message at `taken` is of a history that nothing leads to from here
    kBroken,        // the last taken message was refused by the assembler; what it was, must come another way
    kMachine,       // the database could not: see status; offer again from `taken`
    kStop,          // the target goes no further than before the message at `taken`: see status
  };
  struct Outcome {
    Result result = Result::kAll;
    size_t taken = 0;  // messages that are done with
    absl::Status status;
    PartOutcome broken = PartOutcome::kPart;
  };
  explicit UnitApplier(OfferTarget& target) : target_(target) {}

  Outcome Apply(const std::deque<std::string>& messages, UnitAssembler& assembler);
  // Parts that moved the position or were spooled, ever.
  uint64_t applied() const { return applied_; }

 private:
  bool Covered(const std::string& message) const;
  // Offers the batch; false: *outcome says why and where.
  bool Flush(Outcome* outcome);
  // What the target says of a unit that it may not take; nothing: offer it.
  std::optional<absl::Status> Stops(const wire::UnitPart& part, Outcome* outcome);
  bool OfferOne(const wire::UnitPart& part, size_t at, UnitAssembler& assembler, Outcome* outcome);

  OfferTarget& target_;
  std::vector<wire::UnitPart> batch_;
  std::vector<size_t> batch_at_;  // the message of each
  uint64_t applied_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_UNIT_APPLIER_H_
