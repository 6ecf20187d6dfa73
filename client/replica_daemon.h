#ifndef REPLICAST_CLIENT_REPLICA_DAEMON_H_
#define REPLICAST_CLIENT_REPLICA_DAEMON_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "client/control/grpc_control_channel.h"
#include "client/control/member_credential.h"
#include "client/database_lock.h"
#include "client/receive/frame_pump.h"
#include "client/session/daemon_state.h"
#include "client/session/replica_session.h"
#include "client/snapshot_progress.h"
#include "common/base/clock.h"
#include "common/net/event_loop.h"
#include "common/net/interface_watch.h"

namespace replicast {

// Drives a replica session with real I/O: sockets, gRPC, the clock, the terminal. Everything happens on the thread that
// calls Run, but for the socket's draining and gRPC's own threads.
class ReplicaDaemon : private SessionEnvironment {
 public:
  struct Options {
    std::string folder;  // the credential's
    ReplicaSettings settings;
    std::optional<Until> until = {};
    net::Faults faults;
  };
  ReplicaDaemon(Options options, MemberCredential credential, ReplicaDatabase& database, DatabaseLock& lock,
                net::EventLoop& loop, Random& random);
  ~ReplicaDaemon() override;

  // Until the loop is stopped (OK), or the session can't go on.
  absl::Status Run();

 private:
  absl::Status Listen(const v1::Grant& grant) override;
  void StopListening() override { pump_.Stop(); }
  void UseServer(size_t index) override;
  absl::Time Wall() const override { return clock_.Wall(); }
  void Say(const std::string& line) override { progress_.PrintLine(line); }
  void OnLive(const Position& position) override;
  v1::RenewRequest MakeRenewal() override;
  absl::Time OnRenewed(const v1::RenewResponse& response, absl::Time now) override;

  absl::Time Tick();
  void ShowProgress(absl::Time now);
  void WriteState(absl::Time now);
  void Beat(absl::Time now);
  void WatchInterfaces();
  void LookAtInterfaces(absl::Time now);
  absl::Time RenewAt(absl::Time now);
  ReplicaSession::Options SessionOptions();
  // Of the credential's own, and of those it was told of; the first is asked first.
  std::vector<std::string> Servers() const;
  rpc::Credentials CredentialFor(size_t server) const;

  const Options options_;
  MemberCredential credential_;
  ReplicaDatabase& database_;
  DatabaseLock& lock_;
  net::EventLoop& loop_;
  Random& random_;
  SystemClock clock_;
  SnapshotProgress progress_;
  GrpcControlChannel control_;
  FramePump pump_;
  ReplicaSession session_;
  DaemonStateWriter state_writer_;
  absl::Time next_beat_ = absl::InfinitePast();
  std::unique_ptr<net::InterfaceWatch> interfaces_;
  absl::Time look_at_ = absl::InfiniteFuture();  // at the interfaces
  std::string told_problem_;
  size_t server_ = 0;  // that is asked
  bool snapshot_shown_ = true;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_REPLICA_DAEMON_H_
