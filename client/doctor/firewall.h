#ifndef REPLICAST_CLIENT_DOCTOR_FIREWALL_H_
#define REPLICAST_CLIENT_DOCTOR_FIREWALL_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "client/doctor/facts.h"

namespace replicast::doctor {

// The datagrams that rules are held against.
struct FirewallTarget {
  std::string group;
  uint16_t port = 0;
  std::string interface;
  std::string source;     // whom they come from; empty: unknown
  bool outgoing = false;  // also those that leave
};

// The rules that drop, or may drop, such datagrams, in the order in which they are met; what surely passes earlier in
// its chain is left out. `json` and `text` are of `nft -j list ruleset` and `nft -a list ruleset`. FAILED_PRECONDITION:
// they are none.
absl::StatusOr<std::vector<FirewallRule>> ParseNftables(const std::string& json, const std::string& text,
                                                        const FirewallTarget& target);
// Of `iptables-legacy-save -c`, or `ip6tables-legacy-save -c`: what drops, whatever it is; its counters tell whether it
// did.
std::vector<FirewallRule> ParseIptables(const std::string& text, bool v6);

// Puts the counters of a later reading into `rules`.
void TakeLaterCounters(const std::vector<FirewallRule>& later, std::vector<FirewallRule>* rules);

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_FIREWALL_H_
