#include "server/rate/rate_controller.h"

#include <algorithm>
#include <cstdio>

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::rate {
namespace {

// Below this share a loss is the medium's own, not a sign of too high a rate.
constexpr double kTolerableLoss = 0.02;
// A report about fewer symbols says nothing.
constexpr uint64_t kLeastSymbols = 50;
constexpr double kLower = 0.7;
constexpr double kRaise = 1.05;
constexpr absl::Duration kLowerEvery = absl::Milliseconds(500);  // one congestion is reported by many
constexpr absl::Duration kRaiseEvery = absl::Seconds(1);

}  // namespace

RateController::RateController(uint64_t floor, uint64_t ceiling)
    : floor_(floor), ceiling_(ceiling), by_loss_(static_cast<double>(ceiling)) {
  REPLICAST_CHECK(floor > 0 && floor <= ceiling);
}

void RateController::SetMember(const MemberId& member, uint64_t max_rate) { members_[member] = max_rate; }

void RateController::RemoveMember(const MemberId& member) { members_.erase(member); }

uint64_t RateController::Allowed() const {
  uint64_t allowed = ceiling_;
  for (const auto& [member, most] : members_) {
    if (most != 0) allowed = std::min(allowed, most);
  }
  return std::max(allowed, floor_);
}

uint64_t RateController::rate() const { return std::clamp(static_cast<uint64_t>(by_loss_), floor_, Allowed()); }

void RateController::OnReport(const MemberId& member, uint64_t expected, uint64_t missing, absl::Time now) {
  if (!members_.contains(member) || expected < kLeastSymbols) return;
  const double loss = static_cast<double>(std::min(missing, expected)) / static_cast<double>(expected);
  if (loss <= kTolerableLoss || now - lowered_ < kLowerEvery) return;
  by_loss_ = std::max(static_cast<double>(floor_), static_cast<double>(rate()) * kLower);
  lowered_ = now;
  raised_ = now;
  char text[96];
  std::snprintf(text, sizeof text, "loss of %.1f %% reported by member %s", loss * 100,
                member.ToHex().substr(0, 8).c_str());
  loss_text_ = text;
}

void RateController::OnTime(absl::Time now) {
  if (by_loss_ >= static_cast<double>(ceiling_) || now - raised_ < kRaiseEvery) return;
  by_loss_ = std::min(static_cast<double>(ceiling_), by_loss_ * kRaise);
  raised_ = now;
}

std::string RateController::reason() const {
  const uint64_t now = rate();
  if (static_cast<uint64_t>(by_loss_) < Allowed())
    return loss_text_ + (now == floor_ ? "; at the floor" : "; it rises again while nobody loses");
  if (now == ceiling_) return "the ceiling; nobody asks for less";
  for (const auto& [member, most] : members_) {
    if (most != 0 && most <= now) {
      const std::string who = "member " + member.ToHex().substr(0, 8) + " takes " + HumanBytes(most) + "/s";
      return most < now ? who + ", less than the floor" : who;
    }
  }
  return "the floor";
}

}  // namespace replicast::rate
