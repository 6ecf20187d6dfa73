#ifndef REPLICAST_CLIENT_DOCTOR_PROBE_TALLY_H_
#define REPLICAST_CLIENT_DOCTOR_PROBE_TALLY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/doctor/facts.h"

namespace replicast::doctor {

// Which datagrams of one probe came. Sans-IO; what comes from the network never makes it large.
class ProbeTally {
 public:
  static constexpr uint32_t kMost = 4096;  // of a kind
  explicit ProbeTally(std::string nonce) : nonce_(std::move(nonce)) {}

  // False: it is none of ours.
  bool Take(std::string_view datagram);
  uint32_t received() const;
  // With what was sent: {kind, bytes, sent} of each.
  std::vector<ProbeFacts> Compare(std::vector<ProbeFacts> sent) const;

 private:
  std::string nonce_;
  std::map<ProbeKind, std::set<uint32_t>> numbers_;
};

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_PROBE_TALLY_H_
