#ifndef REPLICAST_CLIENT_DOCTOR_EXAMPLE_FACTS_H_
#define REPLICAST_CLIENT_DOCTOR_EXAMPLE_FACTS_H_

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "client/doctor/diagnosis.h"

// For tests of what is diagnosed: the facts of a healthy network, and what is found after a change of them.
namespace replicast::doctor {

inline InterfaceFacts Ethernet(const std::string& name, const std::string& address) {
  InterfaceFacts interface;
  interface.name = name;
  interface.up = interface.carrier = interface.multicast = true;
  interface.mtu = 1500;
  interface.addresses = {{address, 16}};
  interface.groups = {"224.0.0.1"};
  interface.reverse_path_filter = 0;
  return interface;
}

// A replica on a network where all is well.
inline Facts Healthy() {
  Facts facts;
  facts.role = Role::kReplica;
  facts.interface = "eth0";
  facts.group = "239.192.1.2";
  facts.port = 7422;
  facts.interfaces_known = true;
  facts.interfaces["eth0"] = Ethernet("eth0", "10.99.1.2");
  facts.interfaces["eth0"].groups.insert(facts.group);
  facts.interfaces["eth1"] = Ethernet("eth1", "10.98.1.2");
  facts.to_source = {true, true, "eth0", ""};
  facts.daemon_follows_multicast = facts.group_joined_before = facts.joined_in_kernel = true;
  facts.buffer_bytes = 8 << 20;
  facts.rmem_max = 212'992;
  facts.server.asked = true;
  facts.server.address = "10.99.0.1:7420";
  facts.server.interfaces = {{"eth0", "10.99.0.1", 1500}};
  facts.server.ttl = 1;
  facts.server.frame_size = 1372;
  facts.server.rate = 125'000'000;
  facts.server.groups = {facts.group, "239.192.1.3"};
  facts.server.clock_offset = absl::Seconds(1);
  facts.server.clock_error = absl::Milliseconds(5);
  facts.probes = {
      {ProbeKind::kSmall, 64, 20, 20, 0}, {ProbeKind::kFull, 1372, 20, 20, 0}, {ProbeKind::kBurst, 1372, 200, 200, 0}};
  facts.stream_frames = 5;
  facts.queries_audible = true;
  facts.listened = absl::Seconds(5);
  facts.now = absl::FromUnixSeconds(2'000'000);
  facts.certificate_from = facts.now - absl::Hours(1);
  facts.certificate_until = facts.now + absl::Hours(1);
  return facts;
}

inline void LoseAll(Facts& facts) {
  for (ProbeFacts& probe : facts.probes) {
    probe.received = 0;
    probe.longest_gap = probe.sent;
  }
  facts.stream_frames = 0;
}

inline std::vector<std::string> Ids(const Facts& facts) {
  std::vector<std::string> ids;
  for (const Finding& each : Diagnose(facts)) {
    EXPECT_FALSE(each.seen.empty() || each.advice.empty()) << each.id;
    ids.push_back(each.id);
  }
  return ids;
}
// The only finding, after `change` of a healthy network.
inline Finding One(const std::function<void(Facts&)>& change) {
  Facts facts = Healthy();
  change(facts);
  const auto findings = Diagnose(facts);
  EXPECT_EQ(findings.size(), 1u) << testing::PrintToString(Ids(facts));
  return findings.empty() ? Finding() : findings[0];
}
inline std::vector<std::string> IdsAfter(const std::function<void(Facts&)>& change) {
  Facts facts = Healthy();
  change(facts);
  return Ids(facts);
}

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_EXAMPLE_FACTS_H_
