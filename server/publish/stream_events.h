#ifndef REPLICAST_SERVER_PUBLISH_STREAM_EVENTS_H_
#define REPLICAST_SERVER_PUBLISH_STREAM_EVENTS_H_

#include <absl/time/time.h>

#include <map>
#include <set>
#include <utility>

#include "common/base/clock.h"
#include "server/publish/publisher.h"

namespace replicast {

// Stands between publisher and multicaster and remembers what happened to which stream: who follows by RPC is woken by
// it, and the engine knows when each stream last told a boundary. One thread (the publisher's).
class StreamEvents : public UnitListener {
 public:
  struct Told {
    absl::Time at;
    Lsn lsn;
  };
  StreamEvents(UnitListener& next, const Clock& clock) : next_(next), clock_(clock) {}

  void OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader& header, const wire::EncodedPart& part) override {
    if (header.final_part()) {
      told_[stream] = {clock_.Now(), Lsn{header.last_lsn()}};
      changed_.insert(stream);
      ++units_;
    }
    next_.OnUnitPart(stream, header, part);
  }
  bool TakesMore() const override { return next_.TakesMore(); }
  void OnStreamReady(const StreamInfo& stream) override {
    told_[stream.definition_hash] = {clock_.Now(), Lsn()};
    changed_.insert(stream.definition_hash);
    next_.OnStreamReady(stream);
  }
  void OnStreamStopped(const StreamInfo& stream) override {
    told_.erase(stream.definition_hash);
    changed_.insert(stream.definition_hash);
    next_.OnStreamStopped(stream);
  }

  // Every stream that is ready, and when it last told where it stands.
  const std::map<DefinitionHash, Told>& told() const { return told_; }
  // Streams with something new since the last call.
  std::set<DefinitionHash> TakeChanged() { return std::exchange(changed_, {}); }
  uint64_t units() const { return units_; }

 private:
  UnitListener& next_;
  const Clock& clock_;
  std::map<DefinitionHash, Told> told_;
  std::set<DefinitionHash> changed_;
  uint64_t units_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_STREAM_EVENTS_H_
