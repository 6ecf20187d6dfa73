#include <algorithm>
#include <cmath>
#include <cstdio>

#include "client/doctor/causes.h"
#include "common/base/encoding.h"
#include "common/base/limits.h"

namespace replicast::doctor {
namespace {

using Severity = Finding::Severity;

constexpr int kHeaderBytes = 28;  // IPv4 and UDP
constexpr int kV6HeaderBytes = 48;
// A receiver that the machine does not let run for so long must not lose anything.
constexpr absl::Duration kPause = absl::Milliseconds(20);
constexpr double kNotedLoss = 0.01;
constexpr uint32_t kNotedLost = 2;
// Of the burst, beyond what is lost of slow ones.
constexpr double kNotedBurstLoss = 0.05;
constexpr uint64_t kNotedReport = 1000;  // symbols that a receiver's share of loss is worth telling from
// Leases are asked anew at half their time, and bear half of what is left.
const absl::Duration kClockBears = limits::kLease / 4;

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

std::string Seconds(absl::Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", absl::ToDoubleSeconds(duration));
  return text;
}

std::string Rate(uint64_t bytes) { return HumanBytes(bytes) + "/s"; }

uint32_t LostOf(const ProbeFacts& probe) { return probe.sent - std::min(probe.received, probe.sent); }
double Share(uint32_t part, uint32_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / whole; }

}  // namespace

void FrameSize(Reading& r) {
  const ProbeFacts* small = r.Probe(ProbeKind::kSmall);
  const ProbeFacts* full = r.Probe(ProbeKind::kFull);
  const int headers = r.v6 ? kV6HeaderBytes : kHeaderBytes;
  const int needs = static_cast<int>(r.facts.server.frame_size) + headers;
  std::string mtus;
  int least = r.interface != nullptr && r.interface->mtu > 0 ? r.interface->mtu : 0;
  if (least > 0) mtus = "the MTU of " + r.facts.interface + " is " + std::to_string(least);
  for (const auto& sending : r.facts.server.interfaces) {
    if (sending.mtu == 0) continue;
    mtus += (mtus.empty() ? "" : ", ") + std::string("that of the server's ") + sending.name + " " +
            std::to_string(sending.mtu);
    least = least == 0 ? sending.mtu : std::min(least, sending.mtu);
  }
  const bool hole = small != nullptr && full != nullptr && full->received == 0 && small->received * 2 > small->sent;
  const bool too_large = r.facts.server.frame_size > 0 && least > 0 && needs > least;
  if (!hole && !too_large) return;
  std::string seen;
  if (hole) {
    seen = "of datagrams with " + std::to_string(small->bytes) + " bytes " + std::to_string(small->received) + " of " +
           std::to_string(small->sent) + " came, with " + std::to_string(full->bytes) + " bytes none of " +
           std::to_string(full->sent) + "; ";
  }
  seen += "frames of " + std::to_string(r.facts.server.frame_size) + " bytes need an MTU of " + std::to_string(needs) +
          (mtus.empty() ? "" : ", " + mtus);
  const std::string fits = too_large ? std::to_string(least - headers) : "1232";
  r.Fault("frame-too-large", seen,
          "on the server, set frame_size in replicastd.toml to " + fits +
              (too_large ? "" : " (what IPv6's least MTU of 1,280 takes)") +
              "; or raise the MTU of every interface on the way");
}

void ReceiveBuffer(Reading& r) {
  if (r.facts.role == Role::kServer || !r.facts.join_error.empty()) return;
  const uint64_t needs =
      static_cast<uint64_t>(static_cast<double>(r.facts.server.rate) * absl::ToDoubleSeconds(kPause));
  const bool small = r.facts.buffer_bytes > 0 && r.facts.buffer_bytes < needs;
  if (r.facts.dropped_by_socket == 0 && !small) return;
  std::string seen;
  if (r.facts.dropped_by_socket > 0)
    seen = "the kernel dropped " + HumanCount(r.facts.dropped_by_socket) +
           " datagrams because the socket's buffer was full; ";
  seen += "the buffer got " + HumanBytes(r.facts.buffer_bytes) +
          (r.facts.rmem_max ? " (net.core.rmem_max is " + std::to_string(*r.facts.rmem_max) + ")" : "");
  if (small) seen += ", and " + Rate(r.facts.server.rate) + " for " + Seconds(kPause) + " are " + HumanBytes(needs);
  const uint64_t wanted = std::max<uint64_t>({needs, 2 * r.facts.buffer_bytes, 8u << 20});
  r.Add("receive-buffer", r.facts.dropped_by_socket > 0 ? Severity::kFault : Severity::kRisk, seen,
        "sysctl -w net.core.rmem_max=" + std::to_string(wanted) +
            " (and in /etc/sysctl.d/ for the next start); or lower the rate that the replica takes (--max-rate)");
}

void RateOverLink(Reading& r) {
  const ProbeFacts* full = r.Probe(ProbeKind::kFull);
  const ProbeFacts* burst = r.Probe(ProbeKind::kBurst);
  const std::string slower =
      "lower rate_ceiling in the server's replicastd.toml to what the slowest link on the way takes, or "
      "start the replica with --max-rate";
  if (full != nullptr && burst != nullptr && full->received > 0) {
    uint32_t slow_sent = full->sent, slow_lost = LostOf(*full);
    if (const ProbeFacts* small = r.Probe(ProbeKind::kSmall)) {
      slow_sent += small->sent;
      slow_lost += LostOf(*small);
    }
    // What slow ones may lose at most, as far as so few of them tell.
    const double slow = (slow_lost + 2 * std::sqrt(slow_lost) + 3) / slow_sent;
    const double fast = Share(LostOf(*burst), burst->sent);
    if (LostOf(*burst) > r.facts.dropped_by_socket && fast >= kNotedBurstLoss && fast > slow) {
      return r.Fault("rate-over-link",
                     "sent slowly, " + std::to_string(full->received) + " of " + std::to_string(full->sent) +
                         " full-size datagrams came; at the stream's " + Rate(r.facts.server.rate) + ", " +
                         std::to_string(burst->received) + " of " + std::to_string(burst->sent),
                     slower);
    }
  }
  if (r.interface == nullptr || r.facts.server.rate == 0) return;
  if (r.facts.role == Role::kServer && r.interface->limit_bytes_per_second > 0 &&
      r.interface->limit_bytes_per_second < r.facts.server.rate) {
    return r.Add("rate-over-link", Severity::kRisk,
                 "a queueing discipline (" + r.interface->limiter + ") lets " +
                     Rate(r.interface->limit_bytes_per_second) + " leave by " + r.facts.interface +
                     ", and the stream may send " + Rate(r.facts.server.rate),
                 slower);
  }
  if (r.interface->link_bits_per_second && *r.interface->link_bits_per_second / 8 < r.facts.server.rate) {
    r.Add("rate-over-link", Severity::kRisk,
          "the link of " + r.facts.interface + " takes " + Rate(*r.interface->link_bits_per_second / 8) +
              ", and the stream may send " + Rate(r.facts.server.rate),
          slower);
  }
}

void Clock(Reading& r) {
  const std::string advice = "set the clocks by NTP on both machines (timedatectl set-ntp true)";
  if (r.facts.server.clock_offset) {
    const absl::Duration off = absl::AbsDuration(*r.facts.server.clock_offset);
    if (off - r.facts.server.clock_error > kClockBears) {
      return r.Fault("clock-off",
                     "the server's clock is " + HumanSeconds(absl::ToDoubleSeconds(off)) +
                         (*r.facts.server.clock_offset > absl::ZeroDuration() ? " ahead of" : " behind") +
                         " this machine's; leases and certificates bear " +
                         HumanSeconds(absl::ToDoubleSeconds(kClockBears)),
                     advice);
    }
  }
  if (r.facts.certificate_until == absl::Time()) return;
  const auto text = [](absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone()); };
  if (r.facts.now < r.facts.certificate_from) {
    r.Fault("clock-off",
            "by this machine's clock it is " + text(r.facts.now) + " UTC, and its certificate is valid from " +
                text(r.facts.certificate_from) + " on",
            advice);
  } else if (r.facts.now >= r.facts.certificate_until) {
    r.Fault("clock-off",
            "by this machine's clock it is " + text(r.facts.now) + " UTC, and its certificate was valid until " +
                text(r.facts.certificate_until),
            advice + "; if the clock is right, enrol anew with a join token");
  }
}

void Loss(Reading& r) {
  if (r.sent == 0 || r.received == 0) return;
  uint32_t sent = 0, lost = 0, gap = 0;
  for (const ProbeFacts& probe : r.facts.probes) {
    // What is lost for its size or its speed has been told.
    if (probe.kind != ProbeKind::kSmall && r.Has("frame-too-large")) continue;
    if (probe.kind == ProbeKind::kBurst && (r.Has("rate-over-link") || r.facts.dropped_by_socket > 0)) continue;
    sent += probe.sent;
    lost += LostOf(probe);
    gap = std::max(gap, probe.longest_gap);
  }
  if (lost < kNotedLost || Share(lost, sent) < kNotedLoss) return;
  r.Fault("loss",
          std::to_string(lost) + " of " + std::to_string(sent) + " probes (" + Percent(Share(lost, sent)) +
              ") were lost, at most " + std::to_string(gap) + " in a row",
          "look at the counters of cards and switches on the way (ip -s link; ethtool -S), at radio links, and at "
          "firewalls; "
          "what is lost is repaired, at the price of delay");
}

void Receivers(Reading& r) {
  for (const ReceiverFacts& receiver : r.facts.receivers) {
    if (receiver.expected < kNotedReport) continue;
    const double share = static_cast<double>(receiver.missing) / static_cast<double>(receiver.expected);
    if (share < kNotedLoss) continue;
    r.Fault("loss",
            "member " + receiver.name + " reported " + HumanCount(receiver.missing) + " of " +
                HumanCount(receiver.expected) + " symbols missing (" + Percent(share) + ") so far",
            "run replicast doctor --database REPLICA.db on that machine");
  }
}

}  // namespace replicast::doctor
