#ifndef REPLICAST_SERVER_RELAY_ROTATING_CALLS_H_
#define REPLICAST_SERVER_RELAY_ROTATING_CALLS_H_

#include <absl/status/status.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "server/relay/upstream_calls.h"

namespace replicast::relay {

// A relay's calls to whichever of the servers above it is there: after a call that reached nobody the next one is
// asked; not where one that was made later was answered before it. One thread. Answers that come after its end are given
// on all the same.
class RotatingCalls : public UpstreamCalls {
 public:
  // One at least; they outlive it.
  explicit RotatingCalls(std::vector<UpstreamCalls*> servers) : servers_(std::move(servers)) {
    REPLICAST_CHECK(!servers_.empty());
  }
  // This one serves, as others found.
  void Use(size_t index) { state_->index = index; }
  size_t index() const { return state_->index; }

  void Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) override {
    current().Authorize(request, Watched(std::move(answer)));
  }
  void Compare(const v1::CompareRequest& request, Answer<v1::CompareResponse> answer) override {
    current().Compare(request, Watched(std::move(answer)));
  }
  void CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) override {
    current().CreateToken(request, Watched(std::move(answer)));
  }
  void WaitForPosition(const v1::WaitForPositionRequest& request, Answer<v1::WaitForPositionResponse> answer) override {
    current().WaitForPosition(request, Watched(std::move(answer)));
  }
  void Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) override {
    current().Enroll(request, Watched(std::move(answer)));
  }
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override {
    current().Renew(request, Watched(std::move(answer)));
  }

 private:
  struct State {
    size_t index = 0;
    uint64_t calls = 0, answered = 0;  // the newest call; the newest that a server answered
  };
  UpstreamCalls& current() const { return *servers_[state_->index]; }
  template <typename Response>
  Answer<Response> Watched(Answer<Response> answer) {
    return [state = state_, call = ++state_->calls, asked = state_->index, servers = servers_.size(),
            answer = std::move(answer)](absl::StatusOr<Response> response) {
      const bool away = absl::IsUnavailable(response.status()) || absl::IsDeadlineExceeded(response.status());
      if (!away)
        state->answered = std::max(state->answered, call);
      else if (state->index == asked && call > state->answered)
        state->index = (asked + 1) % servers;
      answer(std::move(response));
    };
  }

  const std::vector<UpstreamCalls*> servers_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_ROTATING_CALLS_H_
