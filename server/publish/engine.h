#ifndef REPLICAST_SERVER_PUBLISH_ENGINE_H_
#define REPLICAST_SERVER_PUBLISH_ENGINE_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <functional>
#include <set>
#include <string>

#include "common/base/clock.h"
#include "server/publish/multicaster.h"
#include "server/publish/publisher.h"
#include "server/publish/stream_events.h"

namespace replicast {

// Drives publisher and multicaster: looks at the source when somebody wrote to it (and every poll interval), drains at
// once when nothing is queued, so that a commit is on the wire within a millisecond, and waits while a queue is long,
// so that units merge; builds indexes in between; tells boundaries. Steppable: no thread, no sleep; Step does bounded
// work and says when it wants to be called again. One thread.
class Engine {
 public:
  struct Options {
    // How long a write may go unseen when nothing wakes us.
    absl::Duration poll_interval = absl::Milliseconds(50);
  };
  struct Parts {
    Publisher& publisher;
    Multicaster& multicaster;
    StreamEvents& events;
    const Clock& clock;
    // Cheap: may there be something new in the source? True when that can't be told.
    std::function<bool()> may_have_changed;
  };
  Engine(const Parts& parts, const Options& options);

  // Somebody wrote to the source: a hint.
  void OnSourceWritten();
  // It looks by itself now, at short intervals: no hint is needed until it stops.
  bool looking(absl::Time now) const { return now < look_until_; }
  // A dataset came or went: there is something to build, or to remove.
  void OnDatasetsChanged() { next_build_ = absl::InfinitePast(); }
  // The scrub was told to hurry.
  void OnScrubWanted() { next_scrub_ = absl::InfinitePast(); }
  absl::Time Step();
  // Somebody waits for it: the stream tells its newest boundary now.
  absl::Status TellBoundary(const DefinitionHash& stream);

  // Called in Step with the streams that have something new: units, or another state.
  void SetOnChanged(std::function<void(const std::set<DefinitionHash>&)> on_changed) {
    on_changed_ = std::move(on_changed);
  }

  // The source is read and the state is written. Else problem() says why not.
  bool healthy() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  uint64_t drains() const { return drains_; }

 private:
  void LookAtSource(absl::Time now);
  void LookClosely(absl::Time now);
  void Tell();
  void Drain(absl::Time now);
  void Build(absl::Time now);
  void Scrub(absl::Time now);
  void TellBoundaries(absl::Time now);
  void SetProblem(std::string problem);

  Parts parts_;
  const Options options_;
  std::function<void(const std::set<DefinitionHash>&)> on_changed_;
  absl::Time next_look_ = absl::InfinitePast();
  absl::Time next_full_look_ = absl::InfinitePast();  // a drain whether or not anything seems new
  absl::Time next_build_ = absl::InfinitePast();
  absl::Time next_scrub_ = absl::InfinitePast();
  absl::Time next_boundary_ = absl::InfinitePast();
  absl::Time look_until_ = absl::InfinitePast();
  absl::Duration look_again_;  // while looking: how long until the next look
  bool wanted_ = true;         // a drain is due, maybe held back by a long queue
  bool untold_ = true;         // stored units wait until the queue is shorter
  uint64_t boundary_number_ = 0;
  std::string problem_;
  uint64_t drains_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_ENGINE_H_
