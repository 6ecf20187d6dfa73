#include "server/relay/upstream_comparison.h"

#include <chrono>
#include <future>
#include <utility>

namespace replicast::relay {
namespace {

constexpr std::chrono::milliseconds kLookForEnd{50};

}  // namespace

absl::Status UpstreamComparison::Run() {
  auto answered = std::make_shared<std::promise<absl::StatusOr<v1::CompareResponse>>>();
  auto answer = answered->get_future();
  loop_.Post([answered, &upstream = upstream_, request = request_] {
    upstream.Compare(request, [answered](absl::StatusOr<v1::CompareResponse> response) {
      answered->set_value(std::move(response));
    });
  });
  while (answer.wait_for(kLookForEnd) != std::future_status::ready) {
    if (*ending_) return absl::CancelledError("the relay is ending");
  }
  absl::StatusOr<v1::CompareResponse> response = answer.get();
  if (!response.ok()) return response.status();
  answer_ = *std::move(response);
  return absl::OkStatus();
}

}  // namespace replicast::relay
