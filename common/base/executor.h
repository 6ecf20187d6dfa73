#ifndef REPLICAST_COMMON_BASE_EXECUTOR_H_
#define REPLICAST_COMMON_BASE_EXECUTOR_H_

#include <functional>

namespace replicast {

// Runs work on one thread, soon, in order of posting.
class Executor {
 public:
  virtual ~Executor() = default;
  // Thread safe. Work that is posted after the end is destroyed, not run.
  virtual void Post(std::function<void()> work) = 0;
};

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_EXECUTOR_H_
