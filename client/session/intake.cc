#include "client/session/intake.h"

#include <absl/strings/str_format.h>

#include <algorithm>

namespace replicast {
namespace {

std::optional<int> ParseMinute(const std::string& text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const size_t at : {0, 1, 3, 4}) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
  if (hour > 23 || minute > 59) return std::nullopt;
  return hour * 60 + minute;
}

}  // namespace

std::optional<DailyWindow> ParseWindow(const std::string& text) {
  const size_t dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto from = ParseMinute(text.substr(0, dash)), to = ParseMinute(text.substr(dash + 1));
  if (!from || !to || *from == *to) return std::nullopt;
  return DailyWindow{*from, *to};
}

std::string DailyWindow::ToText() const {
  return absl::StrFormat("%02d:%02d-%02d:%02d", from_minute / 60, from_minute % 60, to_minute / 60, to_minute % 60);
}

void Intake::SetPause(const v1::Pause* pause) {
  if (pause == nullptr) {
    paused_until_ = absl::InfinitePast();
  } else if (!pause->has_until()) {
    paused_until_ = absl::InfiniteFuture();
  } else {
    paused_until_ = absl::FromUnixSeconds(pause->until().seconds()) + absl::Nanoseconds(pause->until().nanos());
  }
}

bool Intake::InSchedule(absl::Time wall) const {
  if (schedule_.empty()) return true;
  const absl::CivilSecond local = absl::ToCivilSecond(wall, zone_);
  const int minute = local.hour() * 60 + local.minute();
  return std::any_of(schedule_.begin(), schedule_.end(), [minute](const DailyWindow& window) {
    const bool behind = minute >= window.from_minute, before = minute < window.to_minute;
    return window.from_minute < window.to_minute ? behind && before : behind || before;
  });
}

absl::Time Intake::NextEdge(absl::Time wall) const {
  absl::Time next = absl::InfiniteFuture();
  const absl::CivilDay today = absl::ToCivilDay(wall, zone_);
  for (const DailyWindow& window : schedule_) {
    for (const int minute : {window.from_minute, window.to_minute}) {
      for (int day = 0; day < 2; ++day) {
        const absl::Time edge = absl::FromCivil(absl::CivilMinute(today + day) + minute, zone_);
        if (edge > wall) next = std::min(next, edge);
      }
    }
  }
  return next;
}

absl::Time Intake::NextChange(absl::Time wall) const {
  const absl::Time edge = NextEdge(wall);
  return Paused(wall) ? std::min(edge, paused_until_) : edge;
}

std::string Intake::Why(absl::Time wall) const {
  if (Paused(wall)) {
    if (paused_until_ == absl::InfiniteFuture()) return "paused by an admin of the server, until it is resumed";
    return "paused by an admin of the server, until " + absl::FormatTime("%Y-%m-%d %H:%M:%S", paused_until_, zone_);
  }
  if (InSchedule(wall)) return "";
  std::string windows;
  for (const DailyWindow& window : schedule_) windows += (windows.empty() ? "" : ", ") + window.ToText();
  return "outside of its schedule (" + windows + "), until " + absl::FormatTime("%H:%M", NextEdge(wall), zone_);
}

}  // namespace replicast
