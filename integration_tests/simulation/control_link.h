#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_CONTROL_LINK_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_CONTROL_LINK_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "client/session/control_channel.h"
#include "common/base/random.h"
#include "common/rpc/peer.h"
#include "integration_tests/simulation/serving_process.h"
#include "server/relay/upstream_calls.h"

namespace replicast::simulation {

// What happens to calls, as shares of them.
struct CallFaults {
  double lost_request = 0, lost_answer = 0, repeated = 0, slow = 0, cut_stream = 0;
  double latency = 1e-3, slowest = 5;        // seconds
  bool cut = false;                          // nothing gets through: UNAVAILABLE
  bool cut_answers = false;                  // the server hears, the member does not
  const ServingProcess* cut_from = nullptr;  // nothing gets through to this one alone

  bool Cuts(const ServingProcess& server) const { return cut || cut_from == &server; }
};

// What members were told by which server, for the checkers. On the server's side of the link.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void OnAnswered(const ServingProcess& by, const MemberId& member, const std::string& method, bool ok) = 0;
  // It was given a grant, and what a repair brings.
  virtual void OnGranted(const ServingProcess& by, const MemberId& member, const v1::Grant& grant) = 0;
  virtual void OnRepaired(const ServingProcess& by, const v1::RepairResponse& response) = 0;
  // It was given the keys of this stream's current epoch.
  virtual void OnKeysGiven(const ServingProcess& by, const MemberId& member, const ChannelInfo& channel) = 0;
  // It took this frame for one of its group.
  virtual void OnFrameTaken(const std::string& datagram) = 0;
};

// A member's calls to its server as messages in virtual time, those of a relay for its members too; both sides' real
// code, without gRPC between them. Servers outlive it.
class ControlLink : public ControlChannel, public relay::UpstreamCalls {
 public:
  template <typename Response>
  using Answer = ControlChannel::Answer<Response>;

  ControlLink(VirtualTime& time, Random& random, Trace& trace, Stopwatch& stopwatch, ServingProcess& server,
              CallObserver& observer, const rpc::Peer& self);
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

  void Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) override;
  void CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) override;
  void Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) override;
  // UNIMPLEMENTED: a comparison scans on a thread of its own, and here is only one; and nobody waits for a position.
  void Compare(const v1::CompareRequest& request, Answer<v1::CompareResponse> answer) override;
  void WaitForPosition(const v1::WaitForPositionRequest& request, Answer<v1::WaitForPositionResponse> answer) override;

  // Whom calls go to from now on; those under way go where they went.
  void SetServer(ServingProcess& server) { server_ = &server; }
  ServingProcess& server() const { return *server_; }
  // After every answer and message: the replica has something to do.
  void SetWake(std::function<void()> wake) { wake_ = std::move(wake); }
  CallFaults faults;
  // The newest position that the member told for what survives a power loss (MEMORY_SERVER).
  std::optional<Position> acknowledged;
  uint64_t calls = 0, reports = 0;  // of the calls, those that only report
  uint64_t authorizations = 0;      // of the calls, those for members
  // The most calls within any second.
  uint64_t busiest_second() const { return busiest_second_; }

 private:
  template <typename Response>
  using Handler = std::function<void(ServingProcess& server, const Member& member,
                                     std::function<void(absl::StatusOr<Response>)> reply)>;
  // `before`: see control::ForMember.
  template <typename Response>
  void Call(const std::string& method, Handler<Response> handler, Answer<Response> answer,
            const std::function<absl::Status(ServingProcess& server)>& before = nullptr);
  template <typename Response>
  class ServerSide;
  template <typename Response>
  class ClientSide;
  template <typename Response>
  using Opener = std::function<absl::Status(ServingProcess& server, const Member& member,
                                            const std::shared_ptr<ServerSide<Response>>& to)>;
  template <typename Response>
  std::unique_ptr<Stream> Open(const std::string& method, Opener<Response> open,
                               std::function<void(Response)> on_message, std::function<void(absl::Status)> on_end);
  absl::Duration Latency();
  bool Happens(double share) { return share > 0 && random_.Unit() < share; }

  VirtualTime& time_;
  Random& random_;
  Trace& trace_;
  Stopwatch& stopwatch_;
  ServingProcess* server_;
  CallObserver& observer_;
  const rpc::Peer self_;
  std::string title() const { return self_.id.ToHex().substr(0, 6); }
  // The server gets it after a latency, and once it is awake.
  void Arrive(ServingProcess& server, const std::function<void()>& work);
  void WhenAwake(ServingProcess& server, const std::weak_ptr<bool>& alive, const std::function<void()>& work);
  void NoteAcknowledged(const v1::ReceptionReport& report);
  void CountCall(const std::string& method, const char* verb);

  std::function<void()> wake_;
  absl::Time second_ = absl::InfinitePast();
  uint64_t calls_in_second_ = 0, busiest_second_ = 0;
  absl::Time latest_answer_ = absl::InfinitePast();
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_CONTROL_LINK_H_
