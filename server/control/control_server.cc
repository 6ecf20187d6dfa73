#include "server/control/control_server.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast::control {
namespace {

// Streams that were cut end within it; what a client does not read is broken off then.
constexpr absl::Duration kGrace = absl::Milliseconds(500);
constexpr absl::Duration kMostAgeOfStrangers = absl::Seconds(30);

}  // namespace

ControlServer::ControlServer(ControlPlane& plane)
    : plane_(plane),
      enroll_(plane, RegistrationService::Port::kEnrolment),
      renew_(plane, RegistrationService::Port::kMembers),
      authorization_(plane),
      key_exchange_(plane),
      rate_(plane),
      synchronization_(plane),
      changes_(plane),
      admin_(plane),
      diagnostics_(plane) {}

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(ControlPlane& plane, const Options& options) {
  std::unique_ptr<ControlServer> server(new ControlServer(plane));
  rpc::ServerHost::Options members;
  members.address = options.member_address;
  members.ca_pem = options.ca_pem;
  members.certificate_pem = options.certificate_pem;
  members.key_pem = options.key_pem;
  members.services = {&server->renew_, &server->authorization_,   &server->key_exchange_,
                      &server->rate_,  &server->synchronization_, &server->changes_,
                      &server->admin_, &server->diagnostics_};
  ASSIGN_OR_RETURN(server->members_, rpc::ServerHost::Start(members));
  rpc::ServerHost::Options enrolment = members;
  enrolment.address = options.enrolment_address;
  enrolment.ca_pem.clear();
  enrolment.services = {&server->enroll_};
  enrolment.open = false;
  enrolment.most_age = kMostAgeOfStrangers;
  ASSIGN_OR_RETURN(server->enrolment_, rpc::ServerHost::Start(enrolment));
  plane.SetOnEnrolment([raw = server.get()](bool open) { raw->enrolment_->SetOpen(open); });
  plane.RefreshEnrolment();
  return server;
}

ControlServer::~ControlServer() {
  plane_.SetOnEnrolment(nullptr);
  if (ending_.joinable()) ending_.join();
}

void ControlServer::SetServing(bool serving) {
  if (ending_.joinable() || std::exchange(serving_, serving) == serving) return;
  members_->SetServing(serving);
  enrolment_->SetServing(serving);
}

void ControlServer::End(std::function<void()> ended) {
  if (ending_.joinable()) return;
  SetServing(false);
  plane_.Drain();
  ending_ = std::thread([this, ended = std::move(ended)] {
    std::thread enrolment([this] { enrolment_->Shutdown(kGrace); });
    members_->Shutdown(kGrace);
    enrolment.join();
    ended();
  });
}

}  // namespace replicast::control
