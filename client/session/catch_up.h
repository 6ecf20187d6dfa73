#ifndef REPLICAST_CLIENT_SESSION_CATCH_UP_H_
#define REPLICAST_CLIENT_SESSION_CATCH_UP_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/session/buffered_stream.h"
#include "client/session/rate_cap.h"
#include "client/session/unit_applier.h"

namespace replicast {

// One CatchUp stream: stored units from the target's position on, by unicast. Sans-IO, one thread.
class CatchUp {
 public:
  enum class Outcome {
    kRunning,
    kAtEnd,        // everything up to what was newest is applied
    kUnreachable,  // the stream failed: see status
    kNoWay,        // only a snapshot helps: see status
    kBroken,       // a part was refused; try again
    kMachine,      // the database could not: see status
    kStop,         // the target goes no further: see status, OK where that is what was wanted
  };
  // Begins at once, from the target's position. `follow`: goes on with every unit as it is published.
  // No faster than `cap`, which outlives it.
  CatchUp(ControlChannel& control, OfferTarget& target, std::string signing_public_key, bool follow, RateCap& cap);

  // A bounded piece of work.
  Outcome Step();
  bool has_news() const { return stream_.has_news() && (cap_.MayTake() || stream_.empty()); }
  // All that came is taken, and the server has not said that this is all.
  bool waits() const { return !stream_.has_news(); }
  // When there may be news that wait now.
  absl::Time NextDeadline() const { return stream_.has_news() ? cap_.FreeAt() : absl::InfiniteFuture(); }
  const absl::Status& status() const { return status_; }
  // Units that told something new.
  uint64_t applied() const { return applier_.applied(); }
  // Where the stream stands, as the server said last.
  Lsn newest() const { return newest_; }
  const UnitAssembler& assembler() const { return assembler_; }
  // That came since the last call; nothing of them is verified.
  std::vector<v1::SignedNotice> TakeNotices() { return std::exchange(notices_, {}); }

 private:
  void TakeMessages();
  Outcome AfterEnd();

  UnitApplier applier_;
  UnitAssembler assembler_;
  BufferedStream<v1::CatchUpResponse> stream_;
  RateCap& cap_;
  std::deque<std::string> messages_;
  std::vector<v1::SignedNotice> notices_;
  Lsn newest_;
  absl::Status status_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_CATCH_UP_H_
