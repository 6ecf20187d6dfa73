#ifndef REPLICAST_SERVER_RELAY_UPSTREAM_COMPARISON_H_
#define REPLICAST_SERVER_RELAY_UPSTREAM_COMPARISON_H_

#include <atomic>
#include <memory>

#include "common/base/executor.h"
#include "server/publish/publisher.h"
#include "server/relay/upstream_calls.h"

namespace replicast::relay {

// What a member asks a relay to compare is asked upstream: on the relay's thread, while the comparison's own waits.
class UpstreamComparison : public Publisher::Comparison {
 public:
  // `loop` and `upstream` outlive it; `ending`: nobody waits any more.
  UpstreamComparison(Executor& loop, UpstreamCalls& upstream, v1::CompareRequest request,
                     std::shared_ptr<std::atomic<bool>> ending)
      : loop_(loop), upstream_(upstream), request_(std::move(request)), ending_(std::move(ending)) {}
  absl::Status Run() override;
  v1::CompareResponse Answer() const override { return answer_; }

 private:
  Executor& loop_;
  UpstreamCalls& upstream_;
  const v1::CompareRequest request_;
  const std::shared_ptr<std::atomic<bool>> ending_;
  v1::CompareResponse answer_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_UPSTREAM_COMPARISON_H_
