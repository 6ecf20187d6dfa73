#ifndef REPLICAST_CLIENT_SESSION_NEWS_WATCH_H_
#define REPLICAST_CLIENT_SESSION_NEWS_WATCH_H_

#include <absl/time/time.h>

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/lsn.h"

namespace replicast {

// Judges whether the master's news come through: at least every limits::kEmptyUnitIdle a stream tells, signed by the
// master's server, what time it was there. How far that lies behind is compared with the least that it ever did, so
// clocks need not agree, and may drift; and one that brings everything ever later is seen as well as one that brings
// nothing. Whoever brings units can hold them back, but not make any. Sans-IO.
class NewsWatch {
 public:
  static inline const absl::Duration kPatience = limits::kEmptyUnitIdle * 5 / 2;
  // How much faster than the master's this machine's clock may go: two quartzes of 50 ppm that nobody corrects.
  static constexpr double kDrift = 1e-4;

  // Somebody else brings them from now on.
  void Restart(absl::Time now) {
    since_ = now;
    heard_ = false;
  }
  // Nobody is meant to bring any now.
  void Stop() { since_ = absl::InfiniteFuture(); }
  bool stopped() const { return since_ == absl::InfiniteFuture(); }
  // Some came since it was restarted.
  bool heard() const { return heard_; }
  // What is known of the stream: how far in which history, and what the master's clock said then.
  void Step(const HistoryId& history, Lsn known, absl::Time master_time, absl::Time now) {
    // Another history may stand lower than the one before.
    if (std::exchange(history_, history) != history) known_ = Lsn();
    if (master_time == newest_ || master_time == absl::InfinitePast()) return;
    // A clock that was set back, not old news: the master signed more since.
    if (master_time < newest_ && known > known_) least_behind_ = absl::InfiniteDuration();
    if (master_time < newest_ && known <= known_) return;
    heard_ = true;
    known_ = known;
    newest_ = master_time;
    least_behind_ = std::min(least_behind_ + kDrift * (now - heard_at_), now - master_time);
    heard_at_ = now;
  }
  absl::Time WithheldFrom() const {
    if (newest_ == absl::InfinitePast()) return since_ + kPatience;
    return std::max(since_, newest_ + least_behind_) + kPatience;
  }
  bool withheld(absl::Time now) const { return now >= WithheldFrom(); }
  // What the master's clock said in the newest that came; infinite past: nothing came.
  absl::Time newest() const { return newest_; }

 private:
  absl::Time since_ = absl::InfiniteFuture();
  bool heard_ = false;
  HistoryId history_;
  Lsn known_;
  absl::Time newest_ = absl::InfinitePast(), heard_at_ = absl::InfinitePast();
  absl::Duration least_behind_ = absl::InfiniteDuration();
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_NEWS_WATCH_H_
