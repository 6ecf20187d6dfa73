#ifndef REPLICAST_SERVER_MEMBERSHIP_INSTANCES_H_
#define REPLICAST_SERVER_MEMBERSHIP_INSTANCES_H_

#include <absl/status/status.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <string>

#include "common/base/errors.h"
#include "common/base/lsn.h"

namespace replicast {

// Tells a program that began anew from two that run at once with one identity (a folder that was copied): the newest
// run of a member counts, and an earlier one that speaks again is alive beside it. In memory. One thread.
class Instances {
 public:
  static constexpr size_t kBytes = 16;
  static constexpr size_t kMostEarlier = 8;  // of a member

  // `instance`: what the run calls itself; empty: it doesn't say. PERMISSION_DENIED (IDENTITY_SHARED),
  // INVALID_ARGUMENT.
  absl::Status Note(const MemberId& member, const std::string& instance) {
    if (instance.empty()) return absl::OkStatus();
    if (instance.size() != kBytes)
      return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "an instance has 16 bytes");
    Runs& runs = members_[member];
    if (runs.newest == instance) return absl::OkStatus();
    if (std::find(runs.earlier.begin(), runs.earlier.end(), instance) != runs.earlier.end()) {
      return Error(absl::StatusCode::kPermissionDenied, "IDENTITY_SHARED",
                   "another program runs with this one's identity (member " + member.ToHex() +
                       "), maybe from a copy of its folder: stop one of them, and let it join with a token of its own");
    }
    if (!runs.newest.empty()) runs.earlier.push_back(runs.newest);
    if (runs.earlier.size() > kMostEarlier) runs.earlier.pop_front();
    runs.newest = instance;
    return absl::OkStatus();
  }

 private:
  struct Runs {
    std::string newest;
    std::deque<std::string> earlier;
  };
  std::map<MemberId, Runs> members_;  // of those that the server admits
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_INSTANCES_H_
