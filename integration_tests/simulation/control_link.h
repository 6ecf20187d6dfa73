#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_CONTROL_LINK_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_CONTROL_LINK_H_

#include <map>
#include <memory>
#include <set>
#include <string>

#include "client/session/control_channel.h"
#include "common/base/random.h"
#include "common/rpc/peer.h"
#include "integration_tests/simulation/simulated_server.h"

namespace replicast::simulation {

// What happens to calls, as shares of them.
struct CallFaults {
  double lost_request = 0, lost_answer = 0, repeated = 0, slow = 0, cut_stream = 0;
  double latency = 1e-3, slowest = 5;  // seconds
  bool cut = false;                    // nothing gets through: UNAVAILABLE
  bool cut_answers = false;            // the server hears, the member does not
};

// What members were told, for the checkers. On the server's side of the link.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void OnAnswered(const MemberId& member, const std::string& method, bool ok) = 0;
  // It was given a grant, and what a repair brings.
  virtual void OnGranted(const MemberId& member, const v1::Grant& grant) = 0;
  virtual void OnRepaired(const v1::RepairResponse& response, const Multicaster& multicaster) = 0;
  // It was given the keys of this stream's current epoch.
  virtual void OnKeysGiven(const MemberId& member, const ChannelInfo& channel) = 0;
  // It took this frame for one of its group.
  virtual void OnFrameTaken(const std::string& datagram) = 0;
};

// A member's calls to the server as messages in virtual time; both sides' real code, without gRPC between them.
class ControlLink : public ControlChannel {
 public:
  ControlLink(VirtualTime& time, Random& random, Trace& trace, Stopwatch& stopwatch, SimulatedServer& server,
              CallObserver& observer, const MemberId& member);
  ~ControlLink() override;

  void Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) override;
  void GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) override;
  void Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) override;
  void Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) override;
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override;
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest& request,
                                  std::function<void(v1::CatchUpResponse)> on_message,
                                  std::function<void(absl::Status)> on_end) override;
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest& request,
                                   std::function<void(v1::SnapshotResponse)> on_message,
                                   std::function<void(absl::Status)> on_end) override;

  // After every answer and message: the replica has something to do.
  void SetWake(std::function<void()> wake) { wake_ = std::move(wake); }
  CallFaults faults;
  uint64_t calls = 0, reports = 0;  // of the calls, those that only report
  // The most calls within any second.
  uint64_t busiest_second() const { return busiest_second_; }

 private:
  template <typename Response>
  using Handler = std::function<void(const Member& member, std::function<void(absl::StatusOr<Response>)> reply)>;
  template <typename Response>
  void Call(const std::string& method, Handler<Response> handler, Answer<Response> answer);
  template <typename Response>
  class ServerSide;
  template <typename Response>
  class ClientSide;
  template <typename Response>
  using Opener = std::function<absl::Status(const Member& member, const std::shared_ptr<ServerSide<Response>>& to)>;
  template <typename Response>
  std::unique_ptr<Stream> Open(const std::string& method, Opener<Response> open,
                               std::function<void(Response)> on_message, std::function<void(absl::Status)> on_end);
  absl::StatusOr<Member> Authenticate() { return server_.plane().Authenticate({member_, rpc::kMemberRole}); }
  absl::Duration Latency();
  bool Happens(double share) { return share > 0 && random_.Unit() < share; }

  VirtualTime& time_;
  Random& random_;
  Trace& trace_;
  Stopwatch& stopwatch_;
  SimulatedServer& server_;
  CallObserver& observer_;
  const MemberId member_;
  // The server gets it after a latency, and once it is awake.
  void Arrive(const std::function<void()>& work);
  void WhenAwake(const std::weak_ptr<bool>& alive, const std::function<void()>& work);
  void CountCall(const std::string& method, const char* verb);

  std::function<void()> wake_;
  absl::Time second_ = absl::InfinitePast();
  uint64_t calls_in_second_ = 0, busiest_second_ = 0;
  absl::Time latest_answer_ = absl::InfinitePast();
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_CONTROL_LINK_H_
