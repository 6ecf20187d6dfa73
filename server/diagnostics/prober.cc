#include "server/diagnostics/prober.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "common/wire/probe_datagram.h"

namespace replicast {
namespace {

uint32_t BurstOf(uint64_t rate, size_t bytes) {
  const double most = static_cast<double>(rate) * absl::ToDoubleSeconds(Prober::kLongestBurst);
  const double datagrams = most / static_cast<double>(std::max<size_t>(bytes, 1));
  return static_cast<uint32_t>(std::clamp(datagrams, 1.0, static_cast<double>(Prober::kMostBurst)));
}

}  // namespace

Prober::Prober(Plan plan, std::unique_ptr<net::DatagramSender> sender, absl::Time now)
    : plan_(std::move(plan)),
      sender_(std::move(sender)),
      begun_(now),
      rate_(std::max<uint64_t>(plan_.rate, 1)),
      burst_(BurstOf(rate_, plan_.full_bytes)),
      next_(now) {}

// Small and full-size ones by turns.
absl::Time Prober::SlowAt(uint32_t number) const {
  return begun_ + std::clamp(plan_.duration, kShortest, kLongest) * (static_cast<double>(number) / (2 * kSlow));
}

void Prober::Send(v1::ProbeKind kind, size_t bytes, uint32_t count) {
  std::vector<std::string> datagrams;
  for (uint32_t i = 0; i < count; ++i) {
    datagrams.push_back(wire::SerializeProbe({plan_.nonce, static_cast<uint8_t>(kind), sent_[kind] + i}, bytes));
  }
  sent_[kind] += static_cast<uint32_t>(sender_->Send(plan_.group, plan_.port, datagrams));
}

absl::Time Prober::Tick(absl::Time now) {
  while (now >= next_) {
    if (sent_[v1::PROBE_KIND_FULL] < kSlow) {
      const bool small = sent_[v1::PROBE_KIND_SMALL] == sent_[v1::PROBE_KIND_FULL];
      Send(small ? v1::PROBE_KIND_SMALL : v1::PROBE_KIND_FULL, small ? kSmallBytes : plan_.full_bytes, 1);
      next_ = std::max(SlowAt(sent_[v1::PROBE_KIND_SMALL] + sent_[v1::PROBE_KIND_FULL]), now + absl::Milliseconds(1));
      continue;
    }
    const uint32_t before = sent_[v1::PROBE_KIND_BURST];
    const uint32_t wanted = std::min<uint32_t>(burst_ - before, limits::kMaxBurst);
    Send(v1::PROBE_KIND_BURST, plan_.full_bytes, wanted);
    const uint32_t gone = sent_[v1::PROBE_KIND_BURST] - before;
    if (before + gone == burst_) {
      next_ = absl::InfiniteFuture();
    } else if (gone < wanted) {
      next_ = now + absl::Milliseconds(1);  // the socket was full
    } else {
      const double bytes = static_cast<double>(gone) * static_cast<double>(plan_.full_bytes);
      // What a late call left over is caught up, but for what would be a burst of its own.
      next_ = std::max(next_, now - absl::Milliseconds(1)) + absl::Seconds(bytes / static_cast<double>(rate_));
    }
  }
  return next_;
}

v1::ProbeResponse Prober::Progress() const {
  v1::ProbeResponse told;
  for (const v1::ProbeKind kind : {v1::PROBE_KIND_SMALL, v1::PROBE_KIND_FULL, v1::PROBE_KIND_BURST}) {
    v1::ProbeCount& count = *told.add_counts();
    count.set_kind(kind);
    count.set_bytes(static_cast<uint32_t>(kind == v1::PROBE_KIND_SMALL ? kSmallBytes : plan_.full_bytes));
    count.set_sent(sent_[kind]);
  }
  told.set_rate_bytes_per_second(rate_);
  told.set_complete(complete());
  return told;
}

}  // namespace replicast
