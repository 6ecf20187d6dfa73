#ifndef REPLICAST_CLIENT_CLI_DOCTOR_SERVER_H_
#define REPLICAST_CLIENT_CLI_DOCTOR_SERVER_H_

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "client/cli/connection.h"
#include "client/doctor/facts.h"
#include "replicast/v1/diagnostics_service.pb.h"

namespace replicast::cli {

// Which stream is meant: by its id (0: unknown), else by a dataset; neither: any.
struct StreamName {
  uint32_t stream_id = 0;
  std::string dataset;
};

// How multicast leaves the server: fills facts.server, and the group where there is none yet.
absl::Status AskNetwork(Connection& connection, const StreamName& stream, doctor::Facts* facts);
// What members last reported of their losses; for admins.
absl::Status AskReceivers(Connection& connection, doctor::Facts* facts);

// Has the server send one probe, while the caller listens. Its own thread calls; ended with the object.
class ServerProbe {
 public:
  ServerProbe(const Connection& connection, const StreamName& stream, const std::string& nonce,
              absl::Duration duration);
  ~ServerProbe();
  ServerProbe(const ServerProbe&) = delete;
  ServerProbe& operator=(const ServerProbe&) = delete;

  bool done() const { return done_; }
  // Waits for the end: why there was no probe, and what was sent.
  absl::Status Finish(std::vector<doctor::ProbeFacts>* sent);

 private:
  void Call(const std::shared_ptr<grpc::Channel>& channel, const v1::ProbeRequest& request);
  grpc::ClientContext context_;
  v1::ProbeResponse last_;  // until done_: the thread's
  absl::Status status_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_DOCTOR_SERVER_H_
