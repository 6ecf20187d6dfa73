#include "server/replicastd.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/crypto/certificates.h"
#include "common/net/connection_acceptor.h"
#include "common/net/free_port.h"
#include "common/net/interfaces.h"
#include "common/rpc/credentials_folder.h"
#include "common/rpc/files.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"
#include "server/version.h"

namespace replicast {
namespace {

// See Publisher::Options.
constexpr absl::Duration kSettle = absl::Milliseconds(50);

// Every connection takes two descriptors; the soft limit of most systems is too low for them.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Replicastd>> Replicastd::Start(const ServerFolder& folder, const ServerConfig& config) {
  RaiseDescriptorLimit();
  std::unique_ptr<Replicastd> server(new Replicastd(folder, config));
  ASSIGN_OR_RETURN(server->lock_, folder.TakeLock());
  RETURN_IF_ERROR(server->OpenState());
  RETURN_IF_ERROR(server->OpenNetwork());
  RETURN_IF_ERROR(server->OpenSource());
  RETURN_IF_ERROR(server->StartPublishing());
  RETURN_IF_ERROR(server->StartServing());
  RETURN_IF_ERROR(server->WatchSignals());
  RETURN_IF_ERROR(server->WriteAddresses());
  return server;
}

Replicastd::~Replicastd() {
  if (server_) server_->End([] {});
  server_.reset();
  if (signals_ >= 0) close(signals_);
}

absl::Status Replicastd::OpenState() {
  ASSIGN_OR_RETURN(ServerFolder::Identity identity, folder_.LoadIdentity(clock_.Wall()));
  identity_ = std::make_unique<ServerFolder::Identity>(std::move(identity));
  signer_ = std::make_unique<wire::Signer>(identity_->signing_private_key);
  ASSIGN_OR_RETURN(state_, sqlite::Database::Open(folder_.File(ServerFolder::kState), sqlite::OpenOptions()));
  RETURN_IF_ERROR(state_->Execute("PRAGMA journal_mode=WAL"));
  RETURN_IF_ERROR(state_->Execute("PRAGMA synchronous=FULL"));
  RETURN_IF_ERROR(state_->Execute("PRAGMA journal_size_limit=" + std::to_string(limits::kLogBytes)));
  ASSIGN_OR_RETURN(audit_, AuditLog::Open(folder_.File(ServerFolder::kAuditLog), clock_));
  ASSIGN_OR_RETURN(membership_,
                   Membership::Open(*state_, identity_->server, identity_->authority, *audit_, clock_, random_));
  return absl::OkStatus();
}

absl::Status Replicastd::OpenNetwork() {
  if (config_.interface.empty()) {
    ASSIGN_OR_RETURN(config_.interface, net::DefaultInterface());
  }
  ASSIGN_OR_RETURN(source_address_, net::SourceAddress(config_.interface));
  ASSIGN_OR_RETURN(sender_, net::OpenMulticastSender(config_.interface, static_cast<int>(config_.ttl)));
  if (config_.port_data == 0) {
    ASSIGN_OR_RETURN(config_.port_data, net::FreeUdpPort());
  }
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
  Multicaster::Options sending;
  sending.group_range = config_.groups;
  sending.port = static_cast<uint16_t>(config_.port_data);
  sending.frame_size = static_cast<size_t>(config_.frame_size);
  sending.rate_floor = static_cast<uint64_t>(config_.rate_floor);
  sending.rate_ceiling = static_cast<uint64_t>(config_.rate_ceiling);
  sending.rekey_every = config_.rekey_every;
  ASSIGN_OR_RETURN(multicaster_, Multicaster::Create(*state_, *signer_, clock_, random_, *sender_, sending));
  events_ = std::make_unique<StreamEvents>(*multicaster_, clock_);
  Publisher::Options publishing;
  publishing.settle = kSettle;
  publishing.unit_store_bytes = static_cast<uint64_t>(config_.unit_store_bytes);
  publishing.max_row_bytes = static_cast<size_t>(config_.max_row_bytes);
  publishing.durable = config_.durable;
  publishing.scrub_interval = config_.scrub_interval;
  publishing.scrub_share = static_cast<double>(config_.scrub_percent) / 100;
  ASSIGN_OR_RETURN(publisher_, Publisher::Start(*state_, *source_, *signer_, clock_, random_, *events_, publishing));
  Engine::Options options;
  options.poll_interval = config_.poll_interval;
  engine_ = std::make_unique<Engine>(
      Engine::Parts{*publisher_, *multicaster_, *events_, clock_, [this] { return source_->MayHaveChanged(); }},
      options);
  return absl::OkStatus();
}

absl::Status Replicastd::StartServing() {
  control::ControlPlane::Facts facts;
  facts.server = identity_->server;
  facts.signing_public_key = identity_->signing_public_key;
  facts.ca_certificate = crypto::PemToDer(identity_->authority.ca_pem()).value_or("");
  facts.source_address = source_address_;
  facts.master_path = config_.database;
  facts.version = kVersion;
  facts.newest_number = [this] {
    const auto reading = source_->Read(publisher_->published());
    return reading.ok() ? (*reading)->newest().number : publisher_->published().number;
  };
  plane_ = std::make_unique<control::ControlPlane>(
      control::ControlPlane::Parts{loop_, *engine_, *publisher_, *multicaster_, *membership_, *signer_, clock_},
      std::move(facts));
  control::ControlServer::Options options;
  options.member_address = config_.listen;
  options.enrolment_address = config_.listen_enrolment;
  options.ca_pem = identity_->authority.ca_pem();
  options.certificate_pem = identity_->tls_certificate_pem;
  options.key_pem = identity_->tls_key_pem;
  ASSIGN_OR_RETURN(server_, control::ControlServer::Start(*plane_, options));
  plane_->SetAddresses({AdvertisedAddress(server_->member_port())}, {AdvertisedAddress(server_->enrolment_port())});
  loop_.SetTick([this] { return Tick(); });
  return absl::OkStatus();
}

std::string Replicastd::AdvertisedAddress(uint16_t port) const {
  net::HostPort at = net::ParseHostPort(config_.listen).value();
  if (!config_.advertise.empty())
    at.host = config_.advertise;
  else if (at.host == "0.0.0.0" || at.host == "::")
    at.host = source_address_;
  at.port = port;
  return at.ToText();
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

absl::Status Replicastd::WatchSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  REPLICAST_CHECK(signals_ >= 0);
  loop_.Watch(signals_, [this] {
    signalfd_siginfo info;
    if (read(signals_, &info, sizeof info) != sizeof info) return;
    spdlog::info("ending");
    server_->End([this] { loop_.Stop(); });
  });
  return absl::OkStatus();
}

absl::Status Replicastd::WriteAddresses() {
  const std::string members = AdvertisedAddress(server_->member_port());
  RETURN_IF_ERROR(rpc::WriteSecretFile(folder_.File(ServerFolder::kAddresses),
                                       "members=" + members +
                                           "\nenrolment=" + AdvertisedAddress(server_->enrolment_port()) +
                                           "\ndata=" + std::to_string(config_.port_data) + "\n"));
  const std::string admin = folder_.File(rpc::kAdminFolder);
  if (!rpc::Exists(admin)) return absl::OkStatus();
  return rpc::WriteSecretFile(rpc::JoinPath(admin, rpc::kAddressFile), members + "\n");
}

absl::Time Replicastd::Tick() {
  const absl::Time engine = engine_->Step();
  if (!engine_->looking(clock_.Now())) WatchSource();
  const absl::Time control = plane_->Tick();
  server_->SetServing(engine_->healthy());
  return std::min(engine, control);
}

std::string Replicastd::ReadyLine() const {
  return "replicastd ready members=" + AdvertisedAddress(server_->member_port()) +
         " enrolment=" + AdvertisedAddress(server_->enrolment_port()) + " data=" + std::to_string(config_.port_data) +
         " interface=" + config_.interface + " directory=" + folder_.path();
}

void Replicastd::Run() { loop_.Run(); }

}  // namespace replicast
