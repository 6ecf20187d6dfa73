#ifndef REPLICAST_SERVER_SYNCHRONIZATION_COMPARISONS_H_
#define REPLICAST_SERVER_SYNCHRONIZATION_COMPARISONS_H_

#include <absl/status/statusor.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "server/publish/publisher.h"

namespace replicast {

// Compares one after another: begun and finished on the publisher's thread, the scan between on a thread of its own.
// Who comes while one runs waits, a bounded number of them; a comparison begins only when its turn comes, since it
// holds a read transaction of the master. Used on the publisher's thread.
class Comparisons {
 public:
  static constexpr size_t kMostWaiting = 16;
  using Done = std::function<void(absl::StatusOr<v1::CompareResponse>)>;

  // `post` runs work on the publisher's thread, soon; it may be called from any thread.
  Comparisons(Publisher& publisher, std::function<void(std::function<void()>)> post);
  // Waits for the scan that runs.
  ~Comparisons();
  Comparisons(const Comparisons&) = delete;
  Comparisons& operator=(const Comparisons&) = delete;

  // RESOURCE_EXHAUSTED (OVER_BUDGET) when too many wait. `wanted` is asked when the turn comes.
  void Add(const Position& position, std::optional<v1::KeyRanges> ranges, std::function<bool()> wanted, Done done);
  // Drops who waits; done is not called for them.
  void DropWaiting() { waiting_.clear(); }

 private:
  struct Asked {
    Position position;
    std::optional<v1::KeyRanges> ranges;
    std::function<bool()> wanted;
    Done done;
  };
  void StartNext();
  void Finish(const Asked& asked, const absl::Status& scanned);

  Publisher& publisher_;
  const std::function<void(std::function<void()>)> post_;
  std::deque<Asked> waiting_;
  std::unique_ptr<Publisher::Comparison> running_;
  std::thread scan_;
  // Posted work finds out by this that the object is gone.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SYNCHRONIZATION_COMPARISONS_H_
