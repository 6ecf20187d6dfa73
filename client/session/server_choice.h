#ifndef REPLICAST_CLIENT_SESSION_SERVER_CHOICE_H_
#define REPLICAST_CLIENT_SESSION_SERVER_CHOICE_H_

#include <absl/status/status.h>
#include <absl/strings/str_join.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/errors.h"

namespace replicast {

// Which of a member's servers it asks: positions are the master's, so any of them leads on. It stays with one while
// that one serves, and goes on to the next when it does not; after a round without success comes a pause, and then the
// one that was asked last, of which it is known for the shortest time that it does not serve. What one of several
// refuses is no last word, since a relay may be wrong or lie; what all of them refuse is. Sans-IO, one thread.
class ServerChoice {
 public:
  // host:port, one at least; the first is asked first.
  explicit ServerChoice(std::vector<std::string> servers) : servers_(std::move(servers)), refusals_(servers_.size()) {
    REPLICAST_CHECK(!servers_.empty());
  }
  bool alone() const { return servers_.size() == 1; }
  size_t size() const { return servers_.size(); }
  size_t index() const { return index_; }
  const std::string& current() const { return servers_[index_]; }
  std::string all() const { return absl::StrJoin(servers_, ", "); }

  // The current one serves: a round begins with whatever comes after it.
  void Settle() {
    tried_ = 0;
    refusals_.assign(servers_.size(), std::nullopt);
  }
  // The current one does not; `refusal`: asking it again would change nothing. True: the next one may be asked at once;
  // false: all were asked, and it stays with this one.
  bool Next(std::optional<absl::Status> refusal) {
    refusals_[index_] = std::move(refusal);
    if (++tried_ < servers_.size()) {
      index_ = (index_ + 1) % servers_.size();
      return true;
    }
    tried_ = 0;
    return false;
  }
  // What the first of them said, where all of them refused when they were asked last.
  std::optional<absl::Status> RefusedByAll() const {
    for (const auto& refusal : refusals_) {
      if (!refusal) return std::nullopt;
    }
    return refusals_[0];
  }

 private:
  const std::vector<std::string> servers_;
  std::vector<std::optional<absl::Status>> refusals_;
  size_t index_ = 0;
  size_t tried_ = 0;  // in this round
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SERVER_CHOICE_H_
