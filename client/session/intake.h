#ifndef REPLICAST_CLIENT_SESSION_INTAKE_H_
#define REPLICAST_CLIENT_SESSION_INTAKE_H_

#include <absl/time/time.h>

#include <optional>
#include <string>
#include <vector>

#include "replicast/v1/types.pb.h"

namespace replicast {

// A part of every day, in local time, from its first minute to before its last; over midnight where that is earlier.
struct DailyWindow {
  int from_minute = 0, to_minute = 0;

  std::string ToText() const;
  friend bool operator==(const DailyWindow&, const DailyWindow&) = default;
};
// "22:00-06:00".
std::optional<DailyWindow> ParseWindow(const std::string& text);

// Decides whether a replica takes what the master publishes now: not while its server says that it is paused, nor
// outside of its schedule. Sans-IO; times are of the wall clock.
class Intake {
 public:
  // No windows: always.
  Intake(std::vector<DailyWindow> schedule, absl::TimeZone zone) : schedule_(std::move(schedule)), zone_(zone) {}

  // What the server said last; null: it is not paused.
  void SetPause(const v1::Pause* pause);
  bool Takes(absl::Time wall) const { return !Paused(wall) && InSchedule(wall); }
  // Why it takes nothing, for people; empty: it does.
  std::string Why(absl::Time wall) const;
  // When it may be another answer, unless the server says something else.
  absl::Time NextChange(absl::Time wall) const;

 private:
  bool Paused(absl::Time wall) const { return wall < paused_until_; }
  bool InSchedule(absl::Time wall) const;
  absl::Time NextEdge(absl::Time wall) const;

  const std::vector<DailyWindow> schedule_;
  const absl::TimeZone zone_;
  absl::Time paused_until_ = absl::InfinitePast();
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_INTAKE_H_
