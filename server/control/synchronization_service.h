#ifndef REPLICAST_SERVER_CONTROL_SYNCHRONIZATION_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_SYNCHRONIZATION_SERVICE_H_

#include "replicast/v1/synchronization_service.grpc.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// Repairs, stored units, snapshots and comparisons.
class SynchronizationService final : public v1::SynchronizationService::CallbackService {
 public:
  explicit SynchronizationService(ControlPlane& plane) : plane_(plane) {}

  grpc::ServerUnaryReactor* Repair(grpc::CallbackServerContext* context, const v1::RepairRequest* request,
                                   v1::RepairResponse* response) override;
  grpc::ServerWriteReactor<v1::CatchUpResponse>* CatchUp(grpc::CallbackServerContext* context,
                                                         const v1::CatchUpRequest* request) override;
  grpc::ServerWriteReactor<v1::SnapshotResponse>* Snapshot(grpc::CallbackServerContext* context,
                                                           const v1::SnapshotRequest* request) override;
  grpc::ServerUnaryReactor* Compare(grpc::CallbackServerContext* context, const v1::CompareRequest* request,
                                    v1::CompareResponse* response) override;

  // On the engine's thread; an error ends the stream.
  absl::StatusOr<v1::RepairResponse> Repairs(const Member& member, const v1::RepairRequest& request);
  using Units = std::shared_ptr<rpc::MessageWriter<v1::CatchUpResponse>>;
  absl::Status SendUnits(const Member& member, const v1::CatchUpRequest& request, const Units& to);
  using Chunks = std::shared_ptr<rpc::MessageWriter<v1::SnapshotResponse>>;
  absl::Status SendChunks(const Member& member, const v1::SnapshotRequest& request, const Chunks& to);

 private:
  ControlPlane& plane_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_SYNCHRONIZATION_SERVICE_H_
