#ifndef REPLICAST_CLIENT_DOCTOR_CAUSES_H_
#define REPLICAST_CLIENT_DOCTOR_CAUSES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "client/doctor/facts.h"

namespace replicast::doctor {

// The facts, what follows from them at once, and what was found so far.
struct Reading {
  explicit Reading(const Facts& all);

  const Facts& facts;
  const InterfaceFacts* interface = nullptr;  // that multicast is expected on; null: there is none of that name
  uint32_t sent = 0, received = 0;            // probes
  bool v6 = false;
  std::vector<Finding> findings;

  void Add(std::string id, Finding::Severity severity, std::string seen, std::string advice) {
    findings.push_back({std::move(id), severity, std::move(seen), std::move(advice)});
  }
  void Fault(std::string id, std::string seen, std::string advice) {
    Add(std::move(id), Finding::Severity::kFault, std::move(seen), std::move(advice));
  }
  bool Has(const char* id) const;
  // Something was found that keeps multicast away.
  bool Explained() const;
  // Null: none of that kind was sent.
  const ProbeFacts* Probe(ProbeKind kind) const;
  // Probes were sent, and none came.
  bool Silent() const { return sent > 0 && received == 0; }
  uint32_t Lost() const { return sent > received ? sent - received : 0; }
  // The interface on whose network one of the server's sending addresses is. `known`: there are some to look for.
  const InterfaceFacts* LinkToSource(bool* known) const;

  std::string Sent() const { return std::to_string(sent) + " probes were sent to " + Group(); }
  std::string Group() const { return (v6 ? "[" + facts.group + "]:" : facts.group + ":") + std::to_string(facts.port); }
  std::string SourceText() const { return facts.server.interfaces.empty() ? "" : facts.server.interfaces[0].source; }
};

// Each adds what it finds. On the way to this machine's socket:
void Interface(Reading& r);
void Joined(Reading& r);
void NoRoute(Reading& r);
void WrongInterface(Reading& r);
void ReversePath(Reading& r);
void Firewall(Reading& r);
void Router(Reading& r);
// What is lost of what comes, and what keeps it from being understood:
void FrameSize(Reading& r);
void ReceiveBuffer(Reading& r);
void RateOverLink(Reading& r);
void Clock(Reading& r);
void Loss(Reading& r);
void Receivers(Reading& r);
// The network between:
void SharedMac(Reading& r);
void Querier(Reading& r);
void Bridge(Reading& r);
void Container(Reading& r);
// Behind all others.
void Unexplained(Reading& r);

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_CAUSES_H_
