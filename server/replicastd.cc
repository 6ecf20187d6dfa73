#include "server/replicastd.h"

#include "common/base/errors.h"
#include "common/base/host_name.h"
#include "common/crypto/certificates.h"
#include "common/wire/signed_statements.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"

namespace replicast {
namespace {

// See Publisher::Options.
constexpr absl::Duration kSettle = absl::Milliseconds(50);

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> Replicastd::Start(const ServerFolder& folder,
                                                                 const ServerConfig& config) {
  std::unique_ptr<Replicastd> server(new Replicastd(folder, config));
  RETURN_IF_ERROR(server->OpenState());
  RETURN_IF_ERROR(server->OpenIdentity());
  RETURN_IF_ERROR(server->OpenNetwork());
  RETURN_IF_ERROR(server->OpenSource());
  RETURN_IF_ERROR(server->StartPublishing());
  RETURN_IF_ERROR(server->Serve());
  return server;
}

absl::Status Replicastd::OpenIdentity() {
  ASSIGN_OR_RETURN(ServerFolder::Identity identity, folder_.LoadIdentity(clock_.Wall()));
  identity_ = std::make_unique<ServerFolder::Identity>(std::move(identity));
  signer_ = std::make_unique<wire::Signer>(identity_->signing_private_key);
  ASSIGN_OR_RETURN(membership_,
                   Membership::Open(*state_, identity_->server, identity_->authority, *audit_, clock_, random_));
  return absl::OkStatus();
}

absl::Status Replicastd::OpenSource() {
  ASSIGN_OR_RETURN(const auto master, capture::OpenMasterForReading(config_.database));
  RETURN_IF_ERROR(capture::CheckOwner(*master, identity_->server));
  capture::SourceOptions options;
  options.path = config_.database;
  options.owner = identity_->server;
  ASSIGN_OR_RETURN(source_, capture::SqliteSource::Open(options, clock_));
  ASSIGN_OR_RETURN(watcher_, capture::MasterWatcher::Open(config_.database));
  return absl::OkStatus();
}

absl::Status Replicastd::StartPublishing() {
  RETURN_IF_ERROR(OpenMulticaster());
  Publisher::Options publishing;
  publishing.server = identity_->server;
  publishing.settle = kSettle;
  publishing.unit_store_bytes = static_cast<uint64_t>(config_.unit_store_bytes);
  publishing.max_row_bytes = static_cast<size_t>(config_.max_row_bytes);
  publishing.durable = config_.durable;
  publishing.scrub_interval = config_.scrub_interval;
  publishing.scrub_share = static_cast<double>(config_.scrub_percent) / 100;
  ASSIGN_OR_RETURN(publisher_, Publisher::Start(*state_, *source_, *signer_, clock_, random_, *events_, publishing));
  return absl::OkStatus();
}

absl::Status Replicastd::Serve() {
  const std::string& ca_pem = identity_->authority.ca_pem();
  authority_ = std::make_unique<control::LocalAuthority>(control::LocalAuthority::Parts{
      *membership_, *publisher_, *signer_, clock_, identity_->server,
      wire::CertifySigningKey(identity_->server, identity_->signing_public_key, identity_->authority.key_pem()),
      crypto::PemToDer(ca_pem).value_or(""), HostName()});
  control::ControlPlane::Facts facts;
  facts.server = identity_->server;
  facts.key_signing_public_key = identity_->signing_public_key;
  facts.master_path = config_.database;
  facts.newest_number = [this] {
    const auto reading = source_->Read(publisher_->published());
    return reading.ok() ? (*reading)->newest().number : publisher_->published().number;
  };
  return StartServing(*publisher_, *authority_, *membership_, [this] { return source_->MayHaveChanged(); },
                      std::move(facts), {ca_pem, identity_->tls_certificate_pem, identity_->tls_key_pem});
}

void Replicastd::WatchSource() {
  if (watching_) return;
  watching_ = true;
  loop_.Watch(watcher_->descriptor(), [this] {
    if (!watcher_->Drain()) return;
    engine_->OnSourceWritten();
    watching_ = false;
    loop_.Unwatch(watcher_->descriptor());
  });
}

void Replicastd::AfterStep() {
  if (!engine_->looking(clock_.Now())) WatchSource();
}

}  // namespace replicast
