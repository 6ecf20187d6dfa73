#ifndef REPLICAST_CLIENT_SESSION_DOORS_H_
#define REPLICAST_CLIENT_SESSION_DOORS_H_

#include <map>
#include <memory>
#include <utility>

#include "client/session/control_channel.h"
#include "common/base/limits.h"
#include "common/base/virtual_time.h"

namespace replicast {

// For tests: several servers' worth of ways to one server, each of which may be in the way of it.
class Doors : public ControlChannel {
 public:
  enum class State {
    kOpen,
    kShut,      // nobody is there
    kSilent,    // calls run into their deadline
    kRefusing,  // the member, for good
    kForging,   // grants
    kIdle,      // streams are opened, and tell nothing
    kTrimmed,   // no unit there leads on from anywhere
  };
  Doors(VirtualTime& time, ControlChannel& inner) : time_(time), inner_(inner) {}

  std::map<size_t, State> states;  // else open
  size_t current = 0;
  std::map<size_t, int> subscribes;
  std::map<size_t, int> lost_subscribes, lost_keys;  // calls that run into their deadline from now on
  State state() const {
    const auto found = states.find(current);
    return found == states.end() ? State::kOpen : found->second;
  }

  void Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) override {
    ++subscribes[current];
    if (state() == State::kForging) {
      answer = [answer = std::move(answer)](absl::StatusOr<v1::SubscribeResponse> response) {
        if (response.ok()) response->mutable_signed_grant()->mutable_signature()->back() ^= 1;
        answer(std::move(response));
      };
    }
    if (state() == State::kTrimmed) {
      answer = [answer = std::move(answer)](absl::StatusOr<v1::SubscribeResponse> response) {
        if (response.ok()) response->set_next_step(v1::NEXT_STEP_SNAPSHOT);
        answer(std::move(response));
      };
    }
    if (state() == State::kRefusing) {
      return Later<v1::SubscribeResponse>(absl::ZeroDuration(), std::move(answer), absl::PermissionDeniedError("no"));
    }
    if (Lose(lost_subscribes, answer)) return;
    Pass(&ControlChannel::Subscribe, request, std::move(answer));
  }
  void GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) override {
    if (Lose(lost_keys, answer)) return;
    Pass(&ControlChannel::GetKeys, request, std::move(answer));
  }
  void Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) override {
    Pass(&ControlChannel::Report, request, std::move(answer));
  }
  void Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) override {
    Pass(&ControlChannel::Repair, request, std::move(answer));
  }
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override {
    Pass(&ControlChannel::Renew, request, std::move(answer));
  }
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest& request,
                                  std::function<void(v1::CatchUpResponse)> on_message,
                                  std::function<void(absl::Status)> on_end) override {
    if (state() == State::kIdle) return std::make_unique<IdleStream>();
    if (state() != State::kOpen && state() != State::kTrimmed) return FailingStream(std::move(on_end));
    return inner_.CatchUp(request, std::move(on_message), std::move(on_end));
  }
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest& request,
                                   std::function<void(v1::SnapshotResponse)> on_message,
                                   std::function<void(absl::Status)> on_end) override {
    if (state() == State::kIdle) return std::make_unique<IdleStream>();
    if (state() != State::kOpen && state() != State::kTrimmed) return FailingStream(std::move(on_end));
    return inner_.Snapshot(request, std::move(on_message), std::move(on_end));
  }

 private:
  struct IdleStream : Stream {
    void Ready() override {}
  };
  struct EndedStream : Stream {
    ~EndedStream() override { *wanted = false; }
    void Ready() override {}
    std::shared_ptr<bool> wanted = std::make_shared<bool>(true);
  };
  std::unique_ptr<Stream> FailingStream(std::function<void(absl::Status)> on_end) {
    auto stream = std::make_unique<EndedStream>();
    time_.After(absl::ZeroDuration(), [wanted = stream->wanted, on_end = std::move(on_end)] {
      if (*wanted) on_end(absl::UnavailableError("connection refused"));
    });
    return stream;
  }
  template <typename Response>
  void Later(absl::Duration after, Answer<Response> answer, absl::Status status) {
    time_.After(after, [answer = std::move(answer), status = std::move(status)] { answer(status); });
  }
  template <typename Response>
  bool Lose(std::map<size_t, int>& left, const Answer<Response>& answer) {
    if (left[current] == 0) return false;
    --left[current];
    Later<Response>(limits::kRpcDeadline, answer, absl::DeadlineExceededError("Deadline Exceeded"));
    return true;
  }
  template <typename Request, typename Response>
  void Pass(void (ControlChannel::*call)(const Request&, Answer<Response>), const Request& request,
            Answer<Response> answer) {
    if (state() == State::kShut)
      return Later<Response>(absl::ZeroDuration(), std::move(answer), absl::UnavailableError("connection refused"));
    if (state() == State::kSilent)
      return Later<Response>(limits::kRpcDeadline, std::move(answer), absl::DeadlineExceededError("Deadline Exceeded"));
    (inner_.*call)(request, std::move(answer));
  }

  VirtualTime& time_;
  ControlChannel& inner_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_DOORS_H_
