#ifndef REPLICAST_CLIENT_SESSION_CONTROL_CHANNEL_H_
#define REPLICAST_CLIENT_SESSION_CONTROL_CHANNEL_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>

#include "replicast/v1/authorization_service.pb.h"
#include "replicast/v1/key_exchange_service.pb.h"
#include "replicast/v1/rate_service.pb.h"
#include "replicast/v1/registration_service.pb.h"
#include "replicast/v1/synchronization_service.pb.h"

namespace replicast {

// The server's RPCs as a replica session needs them: asynchronous, each with a deadline, answers on the session's own
// thread (the implementation posts them there), in any order, exactly once, also when the channel is closed
// (CANCELLED). The gRPC implementation is in client/control; the simulator has one in virtual time.
class ControlChannel {
 public:
  template <typename Response>
  using Answer = std::function<void(absl::StatusOr<Response>)>;
  virtual ~ControlChannel() = default;

  virtual void Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) = 0;
  virtual void GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) = 0;
  virtual void Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) = 0;
  virtual void Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) = 0;
  virtual void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) = 0;

  // A server stream; the object cancels it when it is destroyed. At most a few messages are read ahead: each
  // `on_message` is followed by Ready() when the session wants the next one.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual void Ready() = 0;
  };
  virtual std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest& request,
                                          std::function<void(v1::CatchUpResponse)> on_message,
                                          std::function<void(absl::Status)> on_end) = 0;
  virtual std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest& request,
                                           std::function<void(v1::SnapshotResponse)> on_message,
                                           std::function<void(absl::Status)> on_end) = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_CONTROL_CHANNEL_H_
