#include "client/doctor/diagnosis.h"

#include <algorithm>

#include "client/doctor/causes.h"
#include "client/doctor/network_state.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
Reading::Reading(const Facts& all) : facts(all), v6(all.group.find(':') != std::string::npos) {
  const auto found = facts.interfaces.find(facts.interface);
  if (found != facts.interfaces.end()) interface = &found->second;
  for (const ProbeFacts& probe : facts.probes) {
    sent += probe.sent;
    received += probe.received;
  }
}

bool Reading::Has(const char* id) const {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& each) { return each.id == id; });
}

bool Reading::Explained() const {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& each) {
    return each.severity == Finding::Severity::kFault && each.id != "clock-off";
  });
}

const ProbeFacts* Reading::Probe(ProbeKind kind) const {
  for (const ProbeFacts& probe : facts.probes) {
    if (probe.kind == kind && probe.sent > 0) return &probe;
  }
  return nullptr;
}

const InterfaceFacts* Reading::LinkToSource(bool* known) const {
  *known = false;
  for (const auto& sending : facts.server.interfaces) {
    *known = *known || net::IpAddress::Parse(sending.source);
    if (interface != nullptr && IsOnLink(*interface, sending.source)) return interface;
    for (const auto& [name, each] : facts.interfaces) {
      if (IsOnLink(each, sending.source)) return &each;
    }
  }
  return nullptr;
}

std::vector<Finding> Diagnose(const Facts& facts) {
  Reading reading(facts);
  // In the order in which a person would want to read them; later ones look at what was found.
  for (const auto cause :
       {Interface, Joined, NoRoute, WrongInterface, ReversePath, Firewall, Container, Router, FrameSize, ReceiveBuffer,
        RateOverLink, Clock, SharedMac, Querier, Bridge, Loss, Receivers, Unexplained})
    cause(reading);
  return std::move(reading.findings);
}

}  // namespace replicast::doctor
