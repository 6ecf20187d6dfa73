#include "server/server_process.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/net/connection_acceptor.h"
#include "common/net/free_port.h"
#include "common/net/interfaces.h"
#include "common/rpc/credentials_folder.h"
#include "common/rpc/files.h"
#include "server/version.h"

namespace replicast {
namespace {

// Changes come several at once.
constexpr absl::Duration kSettleInterfaces = absl::Milliseconds(200);
// While one is away.
constexpr absl::Duration kLookAgain = absl::Seconds(1);

// Every connection takes two descriptors; the soft limit of most systems is too low for them.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

ServerProcess::~ServerProcess() {
  EndServing();
  if (signals_ >= 0) close(signals_);
}

void ServerProcess::EndServing() {
  if (server_) server_->End([] {});
  server_.reset();
  plane_.reset();
  engine_.reset();
}

absl::Status ServerProcess::OpenState() {
  RaiseDescriptorLimit();
  ASSIGN_OR_RETURN(lock_, folder_.TakeLock());
  ASSIGN_OR_RETURN(state_, sqlite::Database::Open(folder_.File(ServerFolder::kState), {.create = true}));
  RETURN_IF_ERROR(state_->Execute("PRAGMA journal_mode=WAL"));
  RETURN_IF_ERROR(state_->Execute("PRAGMA synchronous=FULL"));
  RETURN_IF_ERROR(state_->Execute("PRAGMA journal_size_limit=" + std::to_string(limits::kLogBytes)));
  ASSIGN_OR_RETURN(audit_, AuditLog::Open(folder_.File(ServerFolder::kAuditLog), clock_));
  return absl::OkStatus();
}

net::SendingOptions ServerProcess::HowToSend() const {
  net::SendingOptions sending;
  sending.v6 = config_.groups.find(':') != std::string::npos;
  sending.ttl = static_cast<int>(config_.ttl);
  sending.dscp = static_cast<int>(config_.dscp);
  sending.frame_size = static_cast<size_t>(config_.frame_size);
  return sending;
}

absl::Status ServerProcess::OpenNetwork() {
  const net::SendingOptions sending = HowToSend();
  if (InterfacesOf(config_).empty()) {
    ASSIGN_OR_RETURN(config_.interface, net::DefaultInterface(sending.v6));
  }
  ASSIGN_OR_RETURN(sender_, net::InterfaceSenders::Open(InterfacesOf(config_), sending));
  for (const std::string& line : sender_->Look()) spdlog::warn("{}", line);
  ASSIGN_OR_RETURN(own_address_, OwnAddress());
  if (config_.port_data == 0) {
    ASSIGN_OR_RETURN(config_.port_data, net::FreeUdpPort());
  }
  return absl::OkStatus();
}

absl::Status ServerProcess::OpenMulticaster() {
  Multicaster::Options sending;
  sending.group_range = config_.groups;
  sending.port = static_cast<uint16_t>(config_.port_data);
  sending.frame_size = static_cast<size_t>(config_.frame_size);
  sending.rate_floor = static_cast<uint64_t>(config_.rate_floor);
  sending.rate_ceiling = static_cast<uint64_t>(config_.rate_ceiling);
  sending.rekey_every = config_.rekey_every;
  ASSIGN_OR_RETURN(multicaster_, Multicaster::Create(*state_, *signer_, clock_, random_, *sender_, sending));
  events_ = std::make_unique<StreamEvents>(*multicaster_, clock_);
  return absl::OkStatus();
}

absl::Status ServerProcess::StartServing(Publisher& publisher, Authority& authority, Membership& membership,
                                         std::function<bool()> source_changed, control::ControlPlane::Facts facts,
                                         const Tls& tls) {
  Engine::Options looking;
  looking.poll_interval = config_.poll_interval;
  engine_ = std::make_unique<Engine>(
      Engine::Parts{publisher, *multicaster_, *events_, clock_, std::move(source_changed)}, looking);
  facts.sources = [this] { return sender_->sources(); };
  facts.version = kVersion;
  facts.sending = {.outs =
                       [this] {
                         std::vector<control::ControlPlane::Sending::Out> outs;
                         for (const auto& [name, source] : sender_->outs()) outs.push_back({name, source});
                         return outs;
                       },
                   .ttl = static_cast<int>(config_.ttl),
                   .groups = config_.groups,
                   .port = static_cast<uint16_t>(config_.port_data),
                   .frame_size = static_cast<size_t>(config_.frame_size),
                   .open = [this] { return net::InterfaceSenders::Open(InterfacesOf(config_), HowToSend()); }};
  facts.member_retention = config_.member_retention;
  plane_ = std::make_unique<control::ControlPlane>(
      control::ControlPlane::Parts{loop_, *engine_, publisher, *multicaster_, membership, authority, *signer_, clock_},
      std::move(facts));
  control::ControlServer::Options options;
  options.member_address = config_.listen;
  options.enrolment_address = config_.listen_enrolment;
  options.ca_pem = tls.ca_pem;
  options.certificate_pem = tls.certificate_pem;
  options.key_pem = tls.key_pem;
  options.renewed_in = tls.renewed_in;
  ASSIGN_OR_RETURN(server_, control::ControlServer::Start(*plane_, options));
  plane_->SetAddresses({AdvertisedAddress(server_->member_port())}, {AdvertisedAddress(server_->enrolment_port())});
  loop_.SetTick([this] { return Tick(); });
  RETURN_IF_ERROR(WatchSignals());
  WatchInterfaces();
  return WriteAddresses();
}

absl::StatusOr<std::string> ServerProcess::OwnAddress() const {
  ASSIGN_OR_RETURN(const net::HostPort listen, net::ParseHostPort(config_.listen));
  const bool v6 = listen.host.find(':') != std::string::npos;
  absl::Status first;
  for (const std::string& name : InterfacesOf(config_)) {
    const absl::StatusOr<std::string> address = net::SourceAddress(name, v6);
    if (address.ok()) return address;
    first.Update(address.status());
  }
  // Only told where all addresses are listened on.
  if (!config_.advertise.empty() || (listen.host != "0.0.0.0" && listen.host != "::")) return listen.host;
  return first;
}

void ServerProcess::WatchInterfaces() {
  if (sender_->incomplete()) look_at_ = clock_.Now() + kLookAgain;
  auto watch = net::InterfaceWatch::Open();
  if (!watch.ok()) return spdlog::warn("{}", std::string(watch.status().message()));
  interfaces_ = *std::move(watch);
  loop_.Watch(interfaces_->descriptor(), [this] {
    interfaces_->Drain();
    look_at_ = std::min(look_at_, clock_.Now() + kSettleInterfaces);
  });
}

void ServerProcess::LookAtInterfaces(absl::Time now) {
  if (now < look_at_) return;
  for (const std::string& line : sender_->Look()) spdlog::warn("{}", line);
  look_at_ = sender_->incomplete() ? now + kLookAgain : absl::InfiniteFuture();
  OnNetworkChanged();
}

std::string ServerProcess::AdvertisedAddress(uint16_t port) const {
  net::HostPort at = net::ParseHostPort(config_.listen).value();
  if (!config_.advertise.empty())
    at.host = config_.advertise;
  else if (at.host == "0.0.0.0" || at.host == "::")
    at.host = own_address_;
  at.port = port;
  return at.ToText();
}

absl::Status ServerProcess::WatchSignals() {
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

absl::Status ServerProcess::WriteAddresses() {
  const std::string members = AdvertisedAddress(server_->member_port());
  RETURN_IF_ERROR(rpc::WriteSecretFile(folder_.File(ServerFolder::kAddresses),
                                       "members=" + members +
                                           "\nenrolment=" + AdvertisedAddress(server_->enrolment_port()) +
                                           "\ndata=" + std::to_string(config_.port_data) + "\n"));
  const std::string admin = folder_.File(rpc::kAdminFolder);
  if (!rpc::Exists(admin)) return absl::OkStatus();
  return rpc::WriteSecretFile(rpc::JoinPath(admin, rpc::kAddressFile), members + "\n");
}

absl::Time ServerProcess::Tick() {
  LookAtInterfaces(clock_.Now());
  const absl::Time own = BeforeStep();
  const absl::Time engine = engine_->Step();
  AfterStep();
  const absl::Time control = std::min(plane_->Tick(), server_->Tick());
  server_->SetServing(engine_->healthy());
  return std::min({own, engine, control, look_at_});
}

std::string ServerProcess::ReadyLine() const {
  return "replicastd ready members=" + AdvertisedAddress(server_->member_port()) +
         " enrolment=" + AdvertisedAddress(server_->enrolment_port()) + " data=" + std::to_string(config_.port_data) +
         " interface=" + config_.interface + " directory=" + folder_.path();
}

void ServerProcess::Run() { loop_.Run(); }

}  // namespace replicast
