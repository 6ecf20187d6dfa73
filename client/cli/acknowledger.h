#ifndef REPLICAST_CLIENT_CLI_ACKNOWLEDGER_H_
#define REPLICAST_CLIENT_CLI_ACKNOWLEDGER_H_

#include <absl/status/status.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "client/cli/connection.h"
#include "replicast/v1/changes_service.pb.h"

namespace replicast::cli {

// Tells a server that remembers where this program stands what it has put out: the newest position, on a thread of its
// own, so that reading goes on meanwhile; one call at a time, and not more than fifty a second.
class Acknowledger {
 public:
  // `on_failure` is called once, on that thread, when an acknowledgement fails: reading on makes no sense then.
  Acknowledger(Connection& connection, std::string dataset, std::function<void()> on_failure);
  ~Acknowledger() { Finish().IgnoreError(); }
  Acknowledger(const Acknowledger&) = delete;
  Acknowledger& operator=(const Acknowledger&) = delete;

  // Everything up to here is out. From the caller's thread.
  void Put(const v1::Position& position);
  // Waits until that is acknowledged, and ends.
  absl::Status Finish();

 private:
  void Run();
  absl::Status Acknowledge(const v1::Position& position);

  Connection& connection_;
  const std::string dataset_;
  const std::function<void()> on_failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<v1::Position> newest_;
  bool ending_ = false;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_ACKNOWLEDGER_H_
