#include "server/relayd.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <filesystem>

#include "client/control/enrolment.h"
#include "client/receive/frame_pump.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/host_name.h"
#include "common/base/log.h"
#include "common/crypto/certificates.h"
#include "common/rpc/files.h"
#include "common/rpc/peer.h"

namespace replicast {
namespace {

constexpr char kUpstream[] = "upstream", kLog[] = "log.db", kStreams[] = "streams", kSigning[] = "signing";
constexpr char kSigningPrivate[] = "signing/private.key", kSigningPublic[] = "signing/public.key";
// A replica database of a stream: the file, and what SQLite puts beside it.
constexpr const char* kSuffixes[] = {"", "-wal", "-shm"};

ServerId IdOf(const MemberId& member) {
  ServerId id;
  id.bytes = member.bytes;
  return id;
}

}  // namespace

// A group's datagrams, from its socket to a stream.
class Relayd::Group : public relay::GroupListener {
 public:
  Group(net::EventLoop& loop, const Clock& clock, std::function<void(std::string_view, absl::Time)> sink)
      : pump_(loop, {}, [&clock, sink = std::move(sink)](std::string_view datagram) { sink(datagram, clock.Now()); }) {}
  absl::Status Listen(const v1::Grant& grant) override {
    return pump_.Listen(grant.group(), static_cast<uint16_t>(grant.port()), grant.source());
  }
  void Stop() override { pump_.Stop(); }
  bool Outdated() const override { return pump_.Outdated(); }

 private:
  FramePump pump_;
};

bool Relayd::Is(const ServerFolder& folder) {
  return rpc::Exists(rpc::JoinPath(folder.File(kUpstream), rpc::kCertificateFile));
}

absl::Status Relayd::Join(const ServerFolder& folder, const v1::JoinToken& token, const ServerConfig& config) {
  const std::string upstream = folder.File(kUpstream);
  RETURN_IF_ERROR(rpc::MakePrivateFolder(folder.path()));
  ASSIGN_OR_RETURN(const std::optional<MemberCredential> known, LoadMemberCredential(upstream));
  // A start that always carries its token, e.g. from a service file, joins once.
  if (known && known->token_id == token.id()) return absl::OkStatus();
  for (const char* each : {kUpstream, kSigning, kStreams}) RETURN_IF_ERROR(rpc::MakePrivateFolder(folder.File(each)));
  ASSIGN_OR_RETURN(const MemberCredential credential, Enrol(token, upstream));
  const auto certificate = crypto::ReadCertificate(credential.rpc.certificate_pem);
  if (!certificate || certificate->role != rpc::kRelayRole) {
    return Error(absl::StatusCode::kFailedPrecondition, "RELAY_REQUIRED",
                 "this token is for replicas: make one with `replicast token create --relay`");
  }
  if (!rpc::Exists(folder.File(kSigningPrivate))) {
    const crypto::KeyPair signing = crypto::GenerateEd25519();
    RETURN_IF_ERROR(rpc::WriteSecretFile(folder.File(kSigningPublic), signing.public_key));
    RETURN_IF_ERROR(rpc::WriteSecretFile(folder.File(kSigningPrivate), signing.private_key));
  }
  if (!rpc::Exists(folder.File(ServerFolder::kConfig)))
    RETURN_IF_ERROR(rpc::WriteSecretFile(folder.File(ServerFolder::kConfig), ConfigToToml(config)));
  return SaveMember(upstream, credential, ReplicaSettings());
}

absl::StatusOr<std::unique_ptr<ServerProcess>> Relayd::Start(const ServerFolder& folder, const ServerConfig& config) {
  std::unique_ptr<Relayd> relay(new Relayd(folder, config));
  RETURN_IF_ERROR(relay->OpenState());
  RETURN_IF_ERROR(relay->OpenIdentity());
  RETURN_IF_ERROR(relay->OpenNetwork());
  RETURN_IF_ERROR(relay->StartFollowing());
  RETURN_IF_ERROR(relay->Serve());
  return relay;
}

Relayd::~Relayd() {
  if (publisher_) publisher_->End();
  EndServing();
}

absl::Status Relayd::OpenIdentity() {
  ASSIGN_OR_RETURN(const std::optional<MemberCredential> credential, LoadMemberCredential(folder_.File(kUpstream)));
  if (!credential) {
    return Error(
        absl::StatusCode::kInvalidArgument, "USAGE",
        folder_.path() + " is not joined to a server yet: add --join TOKEN (from `replicast token create --relay`)");
  }
  credential_ = *credential;
  ASSIGN_OR_RETURN(std::string signing_key, rpc::ReadFile(folder_.File(kSigningPrivate)));
  signer_ = std::make_unique<wire::Signer>(std::move(signing_key));
  ASSIGN_OR_RETURN(membership_,
                   Membership::Open(*state_, credential_.server, CertificateAuthority(credential_.rpc.ca_pem, ""),
                                    *audit_, clock_, random_));
  const absl::Duration life = credential_.not_after - credential_.not_before;
  renew_at_ = clock_.Now() + std::max(absl::ZeroDuration(),
                                      credential_.not_before + life * (0.60 + 0.1 * random_.Unit()) - clock_.Wall());
  return absl::OkStatus();
}

std::vector<rpc::Credentials> Relayd::Upstreams() const {
  const std::vector<std::string> servers = absl::StrSplit(config_.upstream, ',', absl::SkipWhitespace());
  if (servers.empty()) return {credential_.rpc};
  std::vector<rpc::Credentials> upstreams(servers.size(), credential_.rpc);
  for (size_t i = 0; i < servers.size(); ++i)
    upstreams[i].address = std::string(absl::StripAsciiWhitespace(servers[i]));
  return upstreams;
}

std::string Relayd::StreamPath(const std::string& name) const {
  return rpc::JoinPath(folder_.File(kStreams), HexEncode(name) + ".db");
}

absl::Status Relayd::StartFollowing() {
  RETURN_IF_ERROR(OpenMulticaster());
  std::vector<ControlChannel*> channels;
  std::vector<relay::UpstreamCalls*> calls;
  std::vector<std::string> servers;
  for (const rpc::Credentials& upstream : Upstreams()) {
    channels.push_back(channels_.emplace_back(std::make_unique<GrpcControlChannel>(loop_, upstream)).get());
    calls.push_back(calls_.emplace_back(std::make_unique<control::GrpcUpstreamCalls>(loop_, upstream)).get());
    servers.push_back(upstream.address);
  }
  upstream_ = std::make_unique<relay::RotatingCalls>(std::move(calls));
  ASSIGN_OR_RETURN(log_, sqlite::Database::Open(folder_.File(kLog), {.create = true}));
  // What is lost of it is fetched again.
  RETURN_IF_ERROR(log_->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=" +
                                std::to_string(limits::kLogBytes)));
  relay::RelayPublisher::Files files;
  files.open = [this](const std::string& name) {
    ReplicaDatabase::Options options;
    options.path = StreamPath(name);
    options.create = true;
    options.max_row_bytes = static_cast<uint64_t>(config_.max_row_bytes);
    return ReplicaDatabase::Open(options, clock_);
  };
  files.remove = [this](const std::string& name) {
    std::error_code ignored;
    for (const char* suffix : kSuffixes) std::filesystem::remove(StreamPath(name) + suffix, ignored);
  };
  const relay::RelayPublisher::Upstream upstream{loop_,
                                                 std::move(channels),
                                                 *upstream_,
                                                 std::move(servers),
                                                 credential_.member,
                                                 credential_.x25519,
                                                 credential_.rpc.ca_pem,
                                                 HostName(),
                                                 TransportNamed(config_.transport)};
  ASSIGN_OR_RETURN(publisher_,
                   relay::RelayPublisher::Start(
                       *log_, upstream, std::move(files),
                       [this](auto sink) { return std::make_unique<Group>(loop_, clock_, std::move(sink)); }, clock_,
                       random_, *events_, {.unit_store_bytes = static_cast<uint64_t>(config_.unit_store_bytes)}));
  ASSIGN_OR_RETURN(
      authority_,
      relay::LeasedAuthority::Open(
          {*state_, *membership_, *publisher_, *upstream_, clock_,
           [this](const MemberId& member) { plane_->Revoke("upstream", member, "").IgnoreError(); },
           [this](const MemberId& member, const absl::Status& why) { plane_->CutOff(member, why).IgnoreError(); }}));
  return absl::OkStatus();
}

absl::Status Relayd::Serve() {
  control::ControlPlane::Facts facts;
  facts.server = IdOf(credential_.member);
  ASSIGN_OR_RETURN(facts.key_signing_public_key, rpc::ReadFile(folder_.File(kSigningPublic)));
  facts.master_path = "relay of " + Upstreams()[0].address;
  publisher_->SetOnNotice([this](const v1::SignedNotice& notice, const v1::NoticeStatement& statement) {
    plane_->OnNotice(notice, statement);
  });
  return StartServing(
      *publisher_, *authority_, *membership_, [] { return false; }, std::move(facts),
      {credential_.rpc.ca_pem, credential_.rpc.certificate_pem, credential_.rpc.key_pem, folder_.File(kUpstream)});
}

absl::Time Relayd::BeforeStep() {
  const absl::Time now = clock_.Now();
  if (now >= renew_at_) Renew(now);
  return std::min({publisher_->Step(now), authority_->Step(), renew_at_});
}

void Relayd::Renew(absl::Time now) {
  constexpr absl::Duration kRetry = absl::Hours(1);
  renew_at_ = now + kRetry;
  upstream_->Renew(RenewalFor(credential_), [this](const absl::StatusOr<v1::RenewResponse>& response) {
    absl::Status taken = response.status();
    if (taken.ok()) taken = TakeRenewed(*response, &credential_);
    if (taken.ok()) taken = SaveMember(folder_.File(kUpstream), credential_, ReplicaSettings());
    if (!taken.ok()) return spdlog::warn("the relay's certificate was not renewed: {}", std::string(taken.message()));
    const std::vector<rpc::Credentials> upstreams = Upstreams();
    for (size_t i = 0; i < upstreams.size(); ++i) {
      channels_[i]->UseCredentials(upstreams[i]);
      calls_[i]->UseCredentials(upstreams[i]);
    }
    renew_at_ = absl::InfiniteFuture();
    spdlog::info("the relay's certificate was renewed");
  });
}

}  // namespace replicast
