#ifndef REPLICAST_SERVER_CONTROL_RATE_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_RATE_SERVICE_H_

#include "replicast/v1/rate_service.grpc.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// Takes a report for the stream, and keeps what people want to see of it. PERMISSION_DENIED as for every stream.
absl::StatusOr<v1::ReportResponse> TakeReport(ControlPlane& plane, const Member& member, uint32_t stream_id,
                                              const v1::ReceptionReport& report);

class RateService final : public v1::RateService::CallbackService {
 public:
  explicit RateService(ControlPlane& plane) : plane_(plane) {}
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context, const v1::ReportRequest* request,
                                   v1::ReportResponse* response) override;

 private:
  ControlPlane& plane_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_RATE_SERVICE_H_
