#ifndef REPLICAST_SERVER_CONTROL_CONTROL_SERVER_RIG_H_
#define REPLICAST_SERVER_CONTROL_CONTROL_SERVER_RIG_H_

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/certificates.h"
#include "common/crypto/crypto.h"
#include "common/net/event_loop.h"
#include "common/rpc/channel.h"
#include "common/rpc/errors.h"
#include "common/wire/signed_statements.h"
#include "common/wire/token.h"
#include "server/control/control_server.h"
#include "server/control/local_authority.h"
#include "server/publish/fake_publisher.h"

namespace replicast::control {

// A machine that joined: its keys and its channel to the member port.
struct Joined {
  MemberId id;
  crypto::KeyPair x25519;
  rpc::Credentials credentials;
  std::shared_ptr<grpc::Channel> channel;
};

// Both ports as a server has them, over a publisher and multicaster that do what they are told; the loop has its own
// thread.
class ControlServerRig : public testing::Test {
 protected:
  void SetUp() override {
    sqlite::OpenOptions options;
    options.create = true;
    state_ = *sqlite::Database::Open(folder_ + "/state.db", options);
    audit_ = *AuditLog::Open(folder_ + "/audit.log", clock_);
    membership_ = *Membership::Open(*state_, server_id_, authority_, *audit_, clock_, random_);
    events_ = std::make_unique<StreamEvents>(multicaster_, clock_);
    publisher_ = std::make_unique<FakePublisher>(*events_);
    publisher_->Add("all", all_);
    publisher_->Add("other", other_);
    engine_ = std::make_unique<Engine>(Engine::Parts{*publisher_, multicaster_, *events_, clock_, [] { return false; }},
                                       Engine::Options());
    ControlPlane::Facts facts;
    facts.server = server_id_;
    facts.key_signing_public_key = signing_.public_key;
    facts.sending = Sending();
    rights_ = std::make_unique<LocalAuthority>(
        LocalAuthority::Parts{*membership_, *publisher_, signer_, clock_, server_id_,
                              wire::CertifySigningKey(server_id_, signing_.public_key, authority_.key_pem()),
                              *crypto::PemToDer(authority_.ca_pem()), "master"});
    plane_ = std::make_unique<ControlPlane>(
        ControlPlane::Parts{loop_, *engine_, *publisher_, multicaster_, *membership_, *rights_, signer_, clock_},
        facts);
    StartServer();
    loop_.SetTick([this] { return std::min({engine_->Step(), plane_->Tick(), server_->Tick()}); });
    thread_ = std::thread([this] { loop_.Run(); });
    admin_ = MakeAdmin();
  }
  // How multicast leaves the machine; by default not at all.
  virtual ControlPlane::Sending Sending() { return {}; }
  void TearDown() override {
    if (thread_.joinable()) {
      loop_.Post([this] { server_->End([this] { loop_.Stop(); }); });
      thread_.join();
    }
    server_.reset();
  }
  void StartServer() {
    const std::string key = crypto::GeneratePrivateKeyPem();
    ControlServer::Options options;
    options.member_address = options.enrolment_address = "127.0.0.1:0";
    options.ca_pem = authority_.ca_pem();
    options.key_pem = key;
    options.certificate_pem =
        crypto::DerToPem(*authority_.Issue(crypto::CreateRequestDer(key, "x"), server_id_.ToHex(), rpc::kServerRole,
                                           clock_.Wall(), absl::Hours(1), {rpc::kServerName}));
    auto server = ControlServer::Start(*plane_, options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    plane_->SetAddresses({"127.0.0.1:" + std::to_string(server_->member_port())},
                         {"127.0.0.1:" + std::to_string(server_->enrolment_port())});
  }

  // Runs on the engine's thread, and waits for it.
  void OnLoop(std::function<void()> work) {
    std::promise<void> done;
    loop_.Post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  Joined MakeAdmin() {
    Joined admin;
    admin.credentials.key_pem = crypto::GeneratePrivateKeyPem();
    OnLoop([&] {
      const auto der = membership_->AddAdmin(crypto::CreateRequestDer(admin.credentials.key_pem, "x"), "admin");
      admin.credentials.certificate_pem = crypto::DerToPem(*der);
    });
    Connect(&admin);
    return admin;
  }
  void Connect(Joined* joined) {
    joined->credentials.ca_pem = authority_.ca_pem();
    joined->credentials.address = "127.0.0.1:" + std::to_string(server_->member_port());
    joined->channel = rpc::MemberChannel(joined->credentials);
  }

  template <typename Service, typename Request, typename Response>
  absl::StatusOr<Response> Call(const std::shared_ptr<grpc::Channel>& channel,
                                grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    Response response;
    const auto stub = Service::NewStub(channel);
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  absl::StatusOr<v1::SubscribeResponse> Subscribe(const Joined& joined, const std::string& dataset) {
    v1::SubscribeRequest request;
    request.set_dataset(dataset);
    return Call<v1::AuthorizationService>(joined.channel, &v1::AuthorizationService::Stub::Subscribe, request);
  }
  absl::StatusOr<v1::GetKeysResponse> GetKeys(const Joined& joined, uint32_t stream_id) {
    v1::GetKeysRequest request;
    request.set_stream_id(stream_id);
    return Call<v1::KeyExchangeService>(joined.channel, &v1::KeyExchangeService::Stub::GetKeys, request);
  }
  std::string MakeToken(const std::string& dataset) {
    v1::CreateTokenRequest request;
    request.add_datasets(dataset);
    const auto response = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::CreateToken, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->token() : "";
  }
  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::JoinToken& token, Joined* joined) {
    joined->credentials.key_pem = crypto::GeneratePrivateKeyPem();
    joined->x25519 = crypto::GenerateX25519();
    v1::EnrollRequest request;
    request.set_token_id(token.id());
    request.set_token_secret(token.secret());
    request.set_certificate_request(crypto::CreateRequestDer(joined->credentials.key_pem, "x"));
    request.set_x25519_public_key(joined->x25519.public_key);
    const auto channel =
        rpc::EnrolmentChannel("127.0.0.1:" + std::to_string(server_->enrolment_port()), authority_.ca_pem());
    return Call<v1::RegistrationService>(channel, &v1::RegistrationService::Stub::Enroll, request);
  }
  Joined Join(const std::string& dataset = "all") {
    Joined joined;
    const auto token = wire::TokenFromText(MakeToken(dataset));
    const auto enrolled = Enroll(*token, &joined);
    EXPECT_TRUE(enrolled.ok()) << enrolled.status();
    joined.id = *MemberId::FromBytes(enrolled->member_id());
    joined.credentials.certificate_pem = crypto::DerToPem(enrolled->certificate());
    Connect(&joined);
    return joined;
  }
  absl::Status Revoke(const MemberId& member) {
    v1::RevokeMemberRequest request;
    request.set_member(member.ToHex());
    return Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::RevokeMember, request).status();
  }
  Position PositionOf(const DefinitionHash& stream, Lsn lsn = {}) const { return {publisher_->history(), stream, lsn}; }

  // A follower of `all` from the beginning of this history.
  v1::CatchUpRequest FollowAll() const {
    v1::CatchUpRequest request;
    request.mutable_position()->set_definition_hash(all_.ToBytes());
    request.mutable_position()->set_history_id(publisher_->history().ToBytes());
    request.set_follow(true);
    return request;
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  SystemClock clock_;
  SystemRandom random_;
  net::EventLoop loop_;
  const ServerId server_id_ = random_.Identifier<ServerId>();
  const CertificateAuthority authority_ = CertificateAuthority::Generate(clock_.Wall());
  const crypto::KeyPair signing_ = crypto::GenerateEd25519();
  const wire::Signer signer_{signing_.private_key};
  const DefinitionHash all_ = random_.Identifier<DefinitionHash>(), other_ = random_.Identifier<DefinitionHash>();
  std::unique_ptr<sqlite::Database> state_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Membership> membership_;
  FakeMulticaster multicaster_;
  std::unique_ptr<StreamEvents> events_;
  std::unique_ptr<FakePublisher> publisher_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<LocalAuthority> rights_;
  std::unique_ptr<ControlPlane> plane_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
  Joined admin_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_CONTROL_SERVER_RIG_H_
