#ifndef REPLICAST_SERVER_CONTROL_DIAGNOSTICS_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_DIAGNOSTICS_SERVICE_H_

#include <memory>
#include <optional>
#include <string>

#include "common/base/random.h"
#include "common/rpc/message_writer.h"
#include "replicast/v1/diagnostics_service.grpc.pb.h"
#include "server/control/control_plane.h"
#include "server/diagnostics/prober.h"

namespace replicast::control {

// What `replicast doctor` asks for. One probe at a time, a budget for each member, groups of streams that the caller
// may read: a probe costs the network less than a busy second of the stream, and can't be aimed elsewhere.
class DiagnosticsService final : public v1::DiagnosticsService::CallbackService {
 public:
  explicit DiagnosticsService(ControlPlane& plane);

  grpc::ServerUnaryReactor* GetNetwork(grpc::CallbackServerContext* context, const v1::GetNetworkRequest* request,
                                       v1::GetNetworkResponse* response) override;
  grpc::ServerWriteReactor<v1::ProbeResponse>* Probe(grpc::CallbackServerContext* context,
                                                     const v1::ProbeRequest* request) override;

  // On the engine's thread: sends what is due of the probe. When to be called again.
  absl::Time Tick();

 private:
  // Where the streams that the caller means go to.
  struct Target {
    std::string group;
    uint16_t port = 0;
    size_t frame_size = 0;
    uint64_t rate = 0;
  };
  absl::StatusOr<Target> Find(const Member& member, uint32_t stream_id, const std::string& dataset);
  absl::StatusOr<Target> AnyGroup();
  absl::StatusOr<v1::GetNetworkResponse> Network(const Member& member, const v1::GetNetworkRequest& request);
  absl::Status Begin(const Member& member, const v1::ProbeRequest& request,
                     std::shared_ptr<rpc::MessageWriter<v1::ProbeResponse>> stream);

  ControlPlane& plane_;
  CallBudget budget_;
  SystemRandom random_;
  std::string free_group_;  // of the server's range, for when there is no stream
  std::optional<Prober> prober_;
  std::shared_ptr<rpc::MessageWriter<v1::ProbeResponse>> stream_;  // who is told
  absl::Time next_told_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_DIAGNOSTICS_SERVICE_H_
