#ifndef REPLICAST_CLIENT_SESSION_SILENCE_WATCH_H_
#define REPLICAST_CLIENT_SESSION_SILENCE_WATCH_H_

#include <absl/time/time.h>

#include <algorithm>

namespace replicast {

// Judges all the time whether multicast reaches this machine. Silent: three seconds without an authentic frame (a
// stream's heartbeats are never further apart than one). Narrow: heartbeats come, and no frame of the stream's full
// size (every other heartbeat is padded to it), so a link on the way takes only shorter ones. Sound: continuous frames,
// full ones among them. Sans-IO.
class SilenceWatch {
 public:
  static constexpr absl::Duration kSilence = absl::Seconds(3);
  // More than one heartbeat is missing: whoever has another server asks whether this one is there. What is late tells
  // nothing of now.
  static constexpr absl::Duration kQuiet = absl::Seconds(2);
  static constexpr absl::Duration kWorthTelling = absl::Milliseconds(2500);
  // Short heartbeats in a row, each beside a padded one, and no full frame: ordinary loss does not take eight of these
  // and none of those. They come five times a second while there is data, and every two seconds where there is none.
  static constexpr int kNarrow = 8;

  // Listening began, or began anew: a while of silence is no news.
  void Restart(absl::Time now) {
    since_ = now;
    StartOver();
  }
  // Nobody listens: never silent.
  void Stop() {
    since_ = absl::InfiniteFuture();
    StartOver();
  }
  // An authentic frame came. `full`: of the stream's full size; `late`: one that was sent after it came before.
  void OnFrame(bool heartbeat, bool full, bool late, absl::Time now) {
    if (now < since_) return;
    if (!late) newest_heard_ = now;
    if (now - heard_ > kSilence || continuous_since_ == absl::InfiniteFuture()) continuous_since_ = now;
    heard_ = now;
    if (full) {
      full_heard_ = now;
      short_heartbeats_ = 0;
    } else if (heartbeat && ++short_heartbeats_ >= kNarrow) {
      continuous_since_ = absl::InfiniteFuture();
    }
  }
  void Step(absl::Time now) {
    if (silent(now)) StartOver();
  }
  bool silent(absl::Time now) const { return now - Newest() >= kSilence; }
  bool quiet(absl::Time now) const { return now >= QuietFrom(); }
  absl::Time QuietFrom() const { return std::max(since_, newest_heard_) + kQuiet; }
  bool narrow(absl::Time now) const {
    return short_heartbeats_ >= kNarrow && now - std::max(since_, full_heard_) >= kSilence;
  }
  // Frames came for so long, up to a moment ago; a silence that may have begun counts for nothing.
  bool sound(absl::Duration enough) const {
    return continuous_since_ != absl::InfiniteFuture() && heard_ - continuous_since_ >= enough &&
           full_heard_ >= continuous_since_;
  }
  bool worth_telling(absl::Time now) const { return now - Newest() >= kWorthTelling; }
  absl::Time SilentFrom() const { return Newest() + kSilence; }

 private:
  void StartOver() {
    continuous_since_ = absl::InfiniteFuture();
    short_heartbeats_ = 0;
  }
  absl::Time Newest() const { return std::max(since_, heard_); }
  absl::Time since_ = absl::InfiniteFuture();  // not listening: never silent
  absl::Time heard_ = absl::InfinitePast(), full_heard_ = absl::InfinitePast(), newest_heard_ = absl::InfinitePast();
  absl::Time continuous_since_ = absl::InfiniteFuture();
  int short_heartbeats_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SILENCE_WATCH_H_
