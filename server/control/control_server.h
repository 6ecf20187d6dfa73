#ifndef REPLICAST_SERVER_CONTROL_CONTROL_SERVER_H_
#define REPLICAST_SERVER_CONTROL_CONTROL_SERVER_H_

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/rpc/server_host.h"
#include "server/control/admin_service.h"
#include "server/control/authorization_service.h"
#include "server/control/changes_service.h"
#include "server/control/control_plane.h"
#include "server/control/diagnostics_service.h"
#include "server/control/key_exchange_service.h"
#include "server/control/rate_service.h"
#include "server/control/registration_service.h"
#include "server/control/synchronization_service.h"

namespace replicast::control {

// Both ports with their services. Members: mutual TLS, every service but Enroll. Enrolment: the server's certificate
// alone, only Enroll, and connections only while there is an unexpired token. Lives on the engine's thread; End blocks
// and so runs on another one, while the loop still answers.
class ControlServer {
 public:
  struct Options {
    std::string member_address, enrolment_address;
    std::string ca_pem, certificate_pem, key_pem;
    std::string renewed_in = {};  // see rpc::ServerHost
  };
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(ControlPlane& plane, const Options& options);
  ~ControlServer();

  uint16_t member_port() const { return members_->port(); }
  uint16_t enrolment_port() const { return enrolment_->port(); }
  // On the engine's thread: time has passed. When to be called again.
  absl::Time Tick() { return diagnostics_.Tick(); }
  // What health says, until End.
  void SetServing(bool serving);
  // On the engine's thread: nobody is served any more; what is under way is told so; then, when both ports are closed
  // (two seconds at most), `ended` is called on another thread.
  void End(std::function<void()> ended);

 private:
  explicit ControlServer(ControlPlane& plane);
  ControlPlane& plane_;
  RegistrationService enroll_, renew_;
  AuthorizationService authorization_;
  KeyExchangeService key_exchange_;
  RateService rate_;
  SynchronizationService synchronization_;
  ChangesService changes_;
  AdminService admin_;
  DiagnosticsService diagnostics_;
  std::unique_ptr<rpc::ServerHost> members_, enrolment_;
  std::thread ending_;
  bool serving_ = false;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_CONTROL_SERVER_H_
