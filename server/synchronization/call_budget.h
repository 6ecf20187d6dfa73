#ifndef REPLICAST_SERVER_SYNCHRONIZATION_CALL_BUDGET_H_
#define REPLICAST_SERVER_SYNCHRONIZATION_CALL_BUDGET_H_

#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <optional>
#include <string>

namespace replicast {

// How many calls a caller (a member, or a stranger's address) may make: a token bucket each. Callers whose bucket is
// full again are forgotten; when there are too many at once, newcomers share one bucket. Sans-IO, one thread.
class CallBudget {
 public:
  CallBudget(double calls_per_second, double burst, size_t most_callers)
      : calls_per_second_(calls_per_second), burst_(burst), most_callers_(most_callers) {}

  // Nothing: the call may go on. Else: when to try again.
  std::optional<absl::Duration> Take(const std::string& caller, absl::Time now);
  size_t callers() const { return buckets_.size(); }

 private:
  struct Bucket {
    double calls;
    absl::Time refilled;
  };
  void ForgetIdle(absl::Time now);
  double CallsAt(const Bucket& bucket, absl::Time now) const;

  const double calls_per_second_, burst_;
  const size_t most_callers_;
  absl::flat_hash_map<std::string, Bucket> buckets_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SYNCHRONIZATION_CALL_BUDGET_H_
