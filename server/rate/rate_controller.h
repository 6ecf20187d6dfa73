#ifndef REPLICAST_SERVER_RATE_RATE_CONTROLLER_H_
#define REPLICAST_SERVER_RATE_RATE_CONTROLLER_H_

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <string>

#include "common/base/lsn.h"

namespace replicast::rate {

// The rate of one stream, between a floor and a ceiling: no more than its slowest member says it takes, lowered when
// members report loss, and raised slowly while nobody does. A member that lies reaches the floor, never less. Sans-IO.
class RateController {
 public:
  // Bytes of UDP payload a second.
  RateController(uint64_t floor, uint64_t ceiling);

  void SetMember(const MemberId& member, uint64_t max_rate);  // 0: no limit of its own
  void RemoveMember(const MemberId& member);
  // Symbols that should have come to the member, and that were missing, since its last report.
  void OnReport(const MemberId& member, uint64_t expected, uint64_t missing, absl::Time now);
  void OnTime(absl::Time now);

  uint64_t rate() const;
  uint64_t floor() const { return floor_; }
  uint64_t ceiling() const { return ceiling_; }
  uint32_t members() const { return static_cast<uint32_t>(members_.size()); }
  // For people: why it has this rate.
  std::string reason() const;

 private:
  uint64_t Allowed() const;  // what members and ceiling leave, loss aside
  uint64_t floor_, ceiling_;
  std::map<MemberId, uint64_t> members_;
  double by_loss_;  // what loss leaves
  absl::Time lowered_ = absl::InfinitePast(), raised_ = absl::InfinitePast();
  std::string loss_text_;
};

}  // namespace replicast::rate

#endif  // REPLICAST_SERVER_RATE_RATE_CONTROLLER_H_
