#include "server/synchronization/comparisons.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast {

Comparisons::Comparisons(Publisher& publisher, std::function<void(std::function<void()>)> post)
    : publisher_(publisher), post_(std::move(post)) {}

Comparisons::~Comparisons() {
  if (scan_.joinable()) scan_.join();
}

void Comparisons::Add(const Position& position, std::optional<v1::KeyRanges> ranges, std::function<bool()> wanted,
                      Done done) {
  if (waiting_.size() >= kMostWaiting) {
    done(Error(absl::StatusCode::kResourceExhausted, "OVER_BUDGET",
               "many comparisons wait already: try again in a while"));
    return;
  }
  waiting_.push_back({position, std::move(ranges), std::move(wanted), std::move(done)});
  StartNext();
}

void Comparisons::StartNext() {
  while (!running_ && !waiting_.empty()) {
    Asked asked = std::move(waiting_.front());
    waiting_.pop_front();
    if (!asked.wanted()) continue;
    auto begun = publisher_.BeginCompare(asked.position, asked.ranges ? &*asked.ranges : nullptr);
    if (!begun.ok()) {
      asked.done(begun.status());
      continue;
    }
    running_ = *std::move(begun);
    if (scan_.joinable()) scan_.join();  // its work has been posted: it is at its end
    scan_ = std::thread(
        [this, comparison = running_.get(), weak = std::weak_ptr(alive_), asked = std::move(asked)]() mutable {
          absl::Status scanned = comparison->Run();
          post_([this, weak, asked = std::move(asked), scanned = std::move(scanned)] {
            if (!weak.expired()) Finish(asked, scanned);
          });
        });
  }
}

void Comparisons::Finish(const Asked& asked, const absl::Status& scanned) {
  if (scanned.ok())
    asked.done(running_->Answer());
  else
    asked.done(scanned);
  running_.reset();
  StartNext();
}

}  // namespace replicast
