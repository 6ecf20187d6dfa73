#ifndef REPLICAST_SERVER_RELAY_ROTATING_CALLS_H_
#define REPLICAST_SERVER_RELAY_ROTATING_CALLS_H_

#include <memory>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "server/relay/upstream_calls.h"

namespace replicast::relay {

// A relay's calls to whichever of the servers above it is there: after a call that reached nobody the next one is
// asked. One thread. Answers that come after its end are given on all the same.
class RotatingCalls : public UpstreamCalls {
 public:
  // One at least; they outlive it.
  explicit RotatingCalls(std::vector<UpstreamCalls*> servers) : servers_(std::move(servers)) {
    REPLICAST_CHECK(!servers_.empty());
  }
  // This one serves, as others found.
  void Use(size_t index) { *index_ = index; }
  size_t index() const { return *index_; }

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
  UpstreamCalls& current() const { return *servers_[*index_]; }
  template <typename Response>
  Answer<Response> Watched(Answer<Response> answer) {
    return [index = index_, asked = *index_, servers = servers_.size(),
            answer = std::move(answer)](absl::StatusOr<Response> response) {
      const bool away = response.status().code() == absl::StatusCode::kUnavailable ||
                        response.status().code() == absl::StatusCode::kDeadlineExceeded;
      if (away && *index == asked) *index = (asked + 1) % servers;
      answer(std::move(response));
    };
  }

  const std::vector<UpstreamCalls*> servers_;
  const std::shared_ptr<size_t> index_ = std::make_shared<size_t>(0);
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_ROTATING_CALLS_H_
