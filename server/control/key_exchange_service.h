#ifndef REPLICAST_SERVER_CONTROL_KEY_EXCHANGE_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_KEY_EXCHANGE_SERVICE_H_

#include "replicast/v1/key_exchange_service.grpc.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// Epoch keys, sealed to the member that asks.
class KeyExchangeService final : public v1::KeyExchangeService::CallbackService {
 public:
  explicit KeyExchangeService(ControlPlane& plane) : plane_(plane) {}

  grpc::ServerUnaryReactor* GetKeys(grpc::CallbackServerContext* context, const v1::GetKeysRequest* request,
                                    v1::GetKeysResponse* response) override;

  // On the engine's thread.
  absl::StatusOr<v1::GetKeysResponse> Keys(const Member& member, uint32_t stream_id);

 private:
  ControlPlane& plane_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_KEY_EXCHANGE_SERVICE_H_
