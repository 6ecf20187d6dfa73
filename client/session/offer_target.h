#ifndef REPLICAST_CLIENT_SESSION_OFFER_TARGET_H_
#define REPLICAST_CLIENT_SESSION_OFFER_TARGET_H_

#include <optional>
#include <vector>

#include "client/apply/replica_database.h"
#include "client/session/stop_position.h"

namespace replicast {

// Where units go: the tables that readers see, or staging. Each has its own position under the same admission rule.
class OfferTarget {
 public:
  // `stop` outlives it.
  explicit OfferTarget(const StopPosition& stop) : stop_(stop) {}
  virtual ~OfferTarget() = default;
  const StopPosition& stop() const { return stop_; }
  virtual std::optional<Position> position() const = 0;
  // Nothing below it tells anything new, not even freshness.
  virtual Lsn known_lsn() const = 0;
  virtual absl::StatusOr<Admission> Offer(const wire::UnitPart& part) = 0;
  // Whole units, in one transaction where that can be; stops at the first that is not admitted.
  virtual absl::StatusOr<Admission> OfferAll(const std::vector<wire::UnitPart>& parts) = 0;

 private:
  const StopPosition& stop_;
};

class ShownTarget : public OfferTarget {
 public:
  ShownTarget(ReplicaDatabase& database, const StopPosition& stop) : OfferTarget(stop), database_(database) {}
  std::optional<Position> position() const override { return database_.position(); }
  Lsn known_lsn() const override { return database_.freshness_lsn(); }
  absl::StatusOr<Admission> Offer(const wire::UnitPart& part) override { return database_.Offer(part); }
  absl::StatusOr<Admission> OfferAll(const std::vector<wire::UnitPart>& parts) override {
    return database_.OfferAll(parts);
  }

 private:
  ReplicaDatabase& database_;
};

class StagingTarget : public OfferTarget {
 public:
  StagingTarget(ReplicaDatabase& database, const StopPosition& stop) : OfferTarget(stop), database_(database) {}
  std::optional<Position> position() const override { return database_.staging().position; }
  Lsn known_lsn() const override {
    const std::optional<Position> at = position();
    return at ? at->lsn : Lsn{};
  }
  absl::StatusOr<Admission> Offer(const wire::UnitPart& part) override { return database_.OfferToStaging(part); }
  absl::StatusOr<Admission> OfferAll(const std::vector<wire::UnitPart>& parts) override {
    absl::StatusOr<Admission> admission = Admission::kAlreadyHave;
    for (const wire::UnitPart& part : parts) {
      admission = database_.OfferToStaging(part);
      if (!admission.ok() || (*admission != Admission::kApplied && *admission != Admission::kAlreadyHave)) break;
    }
    return admission;
  }

 private:
  ReplicaDatabase& database_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_OFFER_TARGET_H_
