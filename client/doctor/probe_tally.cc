#include "client/doctor/probe_tally.h"

#include <algorithm>

#include "common/wire/probe_datagram.h"

namespace replicast::doctor {

bool ProbeTally::Take(std::string_view datagram) {
  const auto probe = wire::ParseProbe(datagram);
  if (!probe || probe->nonce != nonce_) return false;
  if (probe->kind < static_cast<int>(ProbeKind::kSmall) || probe->kind > static_cast<int>(ProbeKind::kBurst))
    return false;
  if (probe->number < kMost) numbers_[static_cast<ProbeKind>(probe->kind)].insert(probe->number);
  return true;
}

uint32_t ProbeTally::received() const {
  size_t count = 0;
  for (const auto& [kind, numbers] : numbers_) count += numbers.size();
  return static_cast<uint32_t>(count);
}

std::vector<ProbeFacts> ProbeTally::Compare(std::vector<ProbeFacts> sent) const {
  for (ProbeFacts& probe : sent) {
    const auto found = numbers_.find(probe.kind);
    uint32_t next = 0;  // the lowest that is not accounted for
    probe.received = probe.longest_gap = 0;
    if (found != numbers_.end()) {
      for (const uint32_t number : found->second) {
        if (number >= probe.sent) break;
        probe.longest_gap = std::max(probe.longest_gap, number - next);
        next = number + 1;
        ++probe.received;
      }
    }
    probe.longest_gap = std::max(probe.longest_gap, probe.sent - next);
  }
  return sent;
}

}  // namespace replicast::doctor
