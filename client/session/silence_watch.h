#ifndef REPLICAST_CLIENT_SESSION_SILENCE_WATCH_H_
#define REPLICAST_CLIENT_SESSION_SILENCE_WATCH_H_

#include <absl/time/time.h>

#include <algorithm>

namespace replicast {

// Judges all the time whether multicast reaches this machine: silent after three seconds without an authentic frame (a
// stream's heartbeats are never further apart than one), sound again after ten seconds of continuous frames. Sans-IO.
class SilenceWatch {
 public:
  static constexpr absl::Duration kSilence = absl::Seconds(3);
  // More than one heartbeat is missing: whoever has another server asks whether this one is there.
  static constexpr absl::Duration kQuiet = absl::Seconds(2);
  static constexpr absl::Duration kWorthTelling = absl::Milliseconds(2500);
  static constexpr absl::Duration kSound = absl::Seconds(10);
  static constexpr absl::Duration kRejoin = absl::Minutes(1);

  // Listening began, or began anew: a while of silence is no news.
  void Restart(absl::Time now) {
    since_ = now;
    continuous_since_ = absl::InfiniteFuture();
  }
  // `heard`: when the last authentic frame came; infinite past: never.
  void Step(absl::Time heard, absl::Time now) {
    if (heard > heard_ && heard >= since_) {
      if (heard - heard_ > kSilence || continuous_since_ == absl::InfiniteFuture()) continuous_since_ = heard;
      heard_ = heard;
    }
    if (silent(now)) continuous_since_ = absl::InfiniteFuture();
  }
  bool silent(absl::Time now) const { return now - Newest() >= kSilence; }
  bool quiet(absl::Time now) const { return now - Newest() >= kQuiet; }
  absl::Time QuietFrom() const { return Newest() + kQuiet; }
  bool sound(absl::Time now) const {
    return continuous_since_ != absl::InfiniteFuture() && now - continuous_since_ >= kSound;
  }
  bool worth_telling(absl::Time now) const { return now - Newest() >= kWorthTelling; }
  absl::Time TellFrom() const { return Newest() + kWorthTelling; }
  absl::Time SilentFrom() const { return Newest() + kSilence; }

 private:
  absl::Time Newest() const { return std::max(since_, heard_); }
  absl::Time since_ = absl::InfiniteFuture();  // not listening: never silent
  absl::Time heard_ = absl::InfinitePast();
  absl::Time continuous_since_ = absl::InfiniteFuture();
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SILENCE_WATCH_H_
