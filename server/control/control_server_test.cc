#include "server/control/control_server.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <future>
#include <optional>
#include <thread>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/certificates.h"
#include "common/crypto/crypto.h"
#include "common/net/event_loop.h"
#include "common/rpc/channel.h"
#include "common/rpc/errors.h"
#include "common/wire/token.h"
#include "server/publish/fake_publisher.h"

namespace replicast::control {
namespace {

// A machine that joined: its keys and its channel to the member port.
struct Joined {
  MemberId id;
  crypto::KeyPair x25519;
  rpc::Credentials credentials;
  std::shared_ptr<grpc::Channel> channel;
};

// Both ports as a server has them, over a publisher and multicaster that do what they are told; the loop has its own
// thread.
class ControlServerTest : public testing::Test {
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
    facts.signing_public_key = signing_.public_key;
    facts.ca_certificate = *crypto::PemToDer(authority_.ca_pem());
    plane_ = std::make_unique<ControlPlane>(
        ControlPlane::Parts{loop_, *engine_, *publisher_, multicaster_, *membership_, signer_, clock_}, facts);
    StartServer();
    loop_.SetTick([this] { return std::min(engine_->Step(), plane_->Tick()); });
    thread_ = std::thread([this] { loop_.Run(); });
    admin_ = MakeAdmin();
  }
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
  std::unique_ptr<ControlPlane> plane_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
  Joined admin_;
};

TEST_F(ControlServerTest, AMemberEnrolsSubscribesAndOpensItsKeys) {
  const Joined joined = Join();
  const auto subscribed = Subscribe(joined, "all");
  ASSERT_TRUE(subscribed.ok()) << subscribed.status();
  EXPECT_EQ(subscribed->next_step(), v1::NEXT_STEP_SNAPSHOT);
  EXPECT_EQ(subscribed->grant().definition_hash(), all_.ToBytes());
  EXPECT_EQ(subscribed->path(0), server_id_.ToBytes());
  const auto keys = GetKeys(joined, subscribed->grant().stream_id());
  ASSERT_TRUE(keys.ok()) << keys.status();
  const std::string id = joined.id.ToBytes(), domain(wire::kKeysDomain);
  EXPECT_TRUE(
      wire::Verifier(signing_.public_key).Verify(wire::kKeysDomain, id + keys->sealed_bundle(), keys->signature()));
  const auto plain = crypto::HpkeOpen(joined.x25519, domain + '\0' + id, keys->sealed_bundle());
  v1::KeyBundle bundle;
  ASSERT_TRUE(plain && bundle.ParseFromString(*plain));
  EXPECT_EQ(bundle.keys(0).secret(), std::string(32, 's'));
  EXPECT_FALSE(crypto::HpkeOpen(crypto::GenerateX25519(), domain + '\0' + id, keys->sealed_bundle()).has_value());
  // Subscribing and getting keys counts the member once.
  OnLoop([&] { EXPECT_EQ(multicaster_.joined, std::vector<MemberId>{joined.id}); });
}

TEST_F(ControlServerTest, AStrangerGetsNothingOnTheMemberPort) {
  const auto channel =
      rpc::EnrolmentChannel("127.0.0.1:" + std::to_string(server_->member_port()), authority_.ca_pem());
  v1::SubscribeRequest request;
  EXPECT_EQ(
      (Call<v1::AuthorizationService>(channel, &v1::AuthorizationService::Stub::Subscribe, request).status().code()),
      absl::StatusCode::kUnavailable);
}

TEST_F(ControlServerTest, TheEnrolmentPortHasNothingButEnrol) {
  MakeToken("all");
  const auto channel =
      rpc::EnrolmentChannel("127.0.0.1:" + std::to_string(server_->enrolment_port()), authority_.ca_pem());
  EXPECT_EQ((Call<v1::AuthorizationService>(channel, &v1::AuthorizationService::Stub::Subscribe, v1::SubscribeRequest())
                 .status()
                 .code()),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(
      ReasonOf(
          Call<v1::RegistrationService>(channel, &v1::RegistrationService::Stub::Renew, v1::RenewRequest()).status()),
      "WRONG_PORT");
}

TEST_F(ControlServerTest, EnrolmentIsShutWhileThereIsNoToken) {
  Joined nobody;
  EXPECT_EQ(Enroll(v1::JoinToken(), &nobody).status().code(), absl::StatusCode::kUnavailable);
  MakeToken("all");
  EXPECT_EQ(ReasonOf(Enroll(v1::JoinToken(), &nobody).status()), "TOKEN_INVALID");
}

TEST_F(ControlServerTest, AStrangerThatGuessesIsSlowedDown) {
  MakeToken("all");
  Joined nobody;
  absl::Status last;
  for (int i = 0; i < 200 && ReasonOf(last) != "OVER_BUDGET"; ++i) last = Enroll(v1::JoinToken(), &nobody).status();
  EXPECT_EQ(last.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(rpc::RetryAfterOf(last).has_value());
}

TEST_F(ControlServerTest, AMemberReadsOnlyTheDatasetsOfItsToken) {
  const Joined joined = Join("other");
  const absl::Status refused = Subscribe(joined, "all").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(refused), "DATASET_NOT_GRANTED");
  EXPECT_EQ(ReasonOf(Subscribe(joined, "none").status()), "DATASET_NOT_GRANTED");
  uint32_t stream_id = 0;
  OnLoop([&] { stream_id = multicaster_.Channel(all_)->stream_id; });
  EXPECT_EQ(GetKeys(joined, stream_id).status().code(), absl::StatusCode::kPermissionDenied);
  v1::CatchUpRequest request;
  request.mutable_position()->set_definition_hash(all_.ToBytes());
  request.mutable_position()->set_history_id(std::string(16, 'h'));
  grpc::ClientContext context;
  const auto stub = v1::SynchronizationService::NewStub(joined.channel);
  const auto reader = stub->CatchUp(&context, request);
  v1::CatchUpResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(reader->Finish().error_code(), grpc::PERMISSION_DENIED);
}

TEST_F(ControlServerTest, AMemberIsNoAdmin) {
  const Joined joined = Join();
  EXPECT_EQ(
      ReasonOf(
          Call<v1::AdminService>(joined.channel, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest()).status()),
      "ADMIN_REQUIRED");
}

TEST_F(ControlServerTest, ARevokedMemberIsRefusedAndItsOpenStreamEnds) {
  const Joined joined = Join();
  const auto subscribed = Subscribe(joined, "all");
  ASSERT_TRUE(subscribed.ok());
  v1::WatchRequest request;
  request.set_dataset("all");
  grpc::ClientContext context;
  const auto stub = v1::ChangesService::NewStub(joined.channel);
  const auto reader = stub->Watch(&context, request);
  while (true) {
    size_t open = 0;
    OnLoop([&] { open = plane_->streams().size(); });
    if (open == 1) break;
  }
  ASSERT_TRUE(Revoke(joined.id).ok());
  v1::WatchResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(reader->Finish())), "MEMBER_REVOKED");
  EXPECT_EQ(ReasonOf(Subscribe(joined, "all").status()), "MEMBER_REVOKED");
  EXPECT_EQ(ReasonOf(GetKeys(joined, subscribed->grant().stream_id()).status()), "MEMBER_REVOKED");
  OnLoop([&] { EXPECT_EQ(multicaster_.revoked, std::vector<MemberId>{joined.id}); });
}

TEST_F(ControlServerTest, ARevokedMemberThatDoesNotReadIsBrokenOff) {
  const Joined joined = Join();
  const v1::CatchUpRequest request = FollowAll();
  grpc::ClientContext context;
  const auto stub = v1::SynchronizationService::NewStub(joined.channel);
  const auto reader = stub->CatchUp(&context, request);
  OnLoop([&] {
    for (uint64_t i = 1; i < 50; ++i) publisher_->Emit(all_, Lsn::Of(i, 0));
  });
  ASSERT_TRUE(Revoke(joined.id).ok());
  // The client reads nothing; the server forgets the stream all the same.
  const absl::Time deadline = clock_.Now() + absl::Seconds(5);
  size_t open = 1;
  while (open > 0 && clock_.Now() < deadline) OnLoop([&] { open = plane_->streams().size(); });
  EXPECT_EQ(open, 0u);
  context.TryCancel();
  v1::CatchUpResponse message;
  while (reader->Read(&message)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

TEST_F(ControlServerTest, WatchGoesOnFromAPositionWithoutADefinitionAsPeopleWriteThem) {
  const Joined joined = Join();
  v1::WatchRequest request;
  request.set_dataset("all");
  request.mutable_from()->set_history_id(publisher_->history().ToBytes());
  const auto stub = v1::ChangesService::NewStub(joined.channel);
  grpc::ClientContext context;
  const auto reader = stub->Watch(&context, request);
  size_t open = 0;
  const absl::Time begun = clock_.Now();
  while (open == 0 && clock_.Now() - begun < absl::Seconds(10)) OnLoop([&] { open = plane_->streams().size(); });
  EXPECT_EQ(open, 1u);
  context.TryCancel();
  v1::WatchResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ControlServerTest, CallersThatGoAwayWhileTheirStreamIsOpenedLeaveNothingBehind) {
  const Joined joined = Join();
  v1::WatchRequest request;
  request.set_dataset("all");
  const auto stub = v1::ChangesService::NewStub(joined.channel);
  for (int i = 0; i < 200; ++i) {
    grpc::ClientContext context;
    const auto reader = stub->Watch(&context, request);
    OnLoop([] {});
    context.TryCancel();
    EXPECT_NE(reader->Finish().error_code(), grpc::StatusCode::OK);
  }
  size_t open = 1;
  const absl::Time begun = clock_.Now();
  while (open > 0 && clock_.Now() - begun < absl::Seconds(10)) OnLoop([&] { open = plane_->streams().size(); });
  EXPECT_EQ(open, 0u);
}

TEST_F(ControlServerTest, WatchRefusesAPositionOfAnotherDefinitionAndADatasetThatIsNotReady) {
  const Joined joined = Join();
  const auto stub = v1::ChangesService::NewStub(joined.channel);
  const auto refusal = [&](const v1::WatchRequest& request) {
    grpc::ClientContext context;
    const auto reader = stub->Watch(&context, request);
    v1::WatchResponse message;
    EXPECT_FALSE(reader->Read(&message));
    return ReasonOf(rpc::FromGrpc(reader->Finish()));
  };
  v1::WatchRequest request;
  request.set_dataset("all");
  request.mutable_from()->set_history_id(publisher_->history().ToBytes());
  request.mutable_from()->set_definition_hash(other_.ToBytes());
  EXPECT_EQ(refusal(request), "POSITION_UNKNOWN");
  request.mutable_from()->set_definition_hash("short");
  EXPECT_EQ(refusal(request), "REQUEST_INVALID");
  request.clear_from();
  OnLoop([&] { publisher_->streams[all_].state = StreamInfo::State::kBuilding; });
  EXPECT_EQ(refusal(request), "STREAM_BUILDING");
  OnLoop([&] { publisher_->streams[all_].state = StreamInfo::State::kStopped; });
  EXPECT_EQ(refusal(request), "STREAM_STOPPED");
}

TEST_F(ControlServerTest, AMemberRenewsItsCertificateAndGoesOnWithTheNewOne) {
  Joined joined = Join();
  v1::RenewRequest request;
  request.set_certificate_request(crypto::CreateRequestDer(joined.credentials.key_pem, "x"));
  request.set_x25519_public_key(joined.x25519.public_key);
  const auto renewed = Call<v1::RegistrationService>(joined.channel, &v1::RegistrationService::Stub::Renew, request);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_GT(renewed->expires_at().seconds(), absl::ToUnixSeconds(clock_.Wall()));
  joined.credentials.certificate_pem = crypto::DerToPem(renewed->certificate());
  Connect(&joined);
  EXPECT_TRUE(Subscribe(joined, "all").ok());
  request.set_certificate_request("no request");
  EXPECT_FALSE((Call<v1::RegistrationService>(joined.channel, &v1::RegistrationService::Stub::Renew, request).ok()));
}

TEST_F(ControlServerTest, AMemberThatUnsubscribesCountsNoMore) {
  const Joined joined = Join();
  ASSERT_TRUE(Subscribe(joined, "all").ok());
  v1::UnsubscribeRequest request;
  request.set_dataset("all");
  EXPECT_TRUE(
      Call<v1::AuthorizationService>(joined.channel, &v1::AuthorizationService::Stub::Unsubscribe, request).ok());
  OnLoop([&] { EXPECT_EQ(multicaster_.left, std::vector<MemberId>{joined.id}); });
  request.set_dataset("other");
  EXPECT_EQ(
      ReasonOf(Call<v1::AuthorizationService>(joined.channel, &v1::AuthorizationService::Stub::Unsubscribe, request)
                   .status()),
      "DATASET_NOT_GRANTED");
}

TEST_F(ControlServerTest, CatchUpFollowsNewUnits) {
  const Joined joined = Join();
  OnLoop([&] { publisher_->Emit(all_, Lsn::Of(1, 0)); });
  const v1::CatchUpRequest request = FollowAll();
  grpc::ClientContext context;
  const auto stub = v1::SynchronizationService::NewStub(joined.channel);
  const auto reader = stub->CatchUp(&context, request);
  for (uint64_t number = 1; number <= 20; ++number) {
    v1::CatchUpResponse message;
    ASSERT_TRUE(reader->Read(&message));
    v1::UnitHeader header;
    ASSERT_TRUE(header.ParseFromString(message.part().header()));
    EXPECT_EQ(header.last_lsn(), Lsn::Of(number, 0).value);
    OnLoop([&] { publisher_->Emit(all_, Lsn::Of(number + 1, 0)); });
  }
  context.TryCancel();
  EXPECT_FALSE(reader->Finish().ok());
}

TEST_F(ControlServerTest, ASnapshotTellsAllChunksAndEnds) {
  const Joined joined = Join();
  v1::SnapshotRequest request;
  request.set_definition_hash(all_.ToBytes());
  grpc::ClientContext context;
  const auto stub = v1::SynchronizationService::NewStub(joined.channel);
  const auto reader = stub->Snapshot(&context, request);
  v1::SnapshotResponse message;
  EXPECT_TRUE(reader->Read(&message));
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ControlServerTest, AMemberHasOnlySoManyStreams) {
  const Joined joined = Join();
  const auto stub = v1::ChangesService::NewStub(joined.channel);
  v1::WatchRequest request;
  request.set_dataset("all");
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchResponse>>> readers;
  for (int i = 0; i < limits::kMaxStreamsPerMember; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(stub->Watch(contexts.back().get(), request));
    size_t open = 0;
    while (open < readers.size()) OnLoop([&] { open = plane_->streams().size(); });
  }
  grpc::ClientContext context;
  const auto reader = stub->Watch(&context, request);
  v1::WatchResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(reader->Finish())), "OVER_BUDGET");
  for (const auto& each : contexts) each->TryCancel();
  for (const auto& each : readers) EXPECT_FALSE(each->Finish().ok());
}

TEST_F(ControlServerTest, ARepeatedRequestIsDoneOnce) {
  v1::CreateTokenRequest request;
  request.add_datasets("all");
  request.set_request_id("the same");
  const auto first = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::CreateToken, request);
  const auto again = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::CreateToken, request);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->token(), again->token());
}

TEST_F(ControlServerTest, WaitingForAPositionTellsTheBoundaryAtOnceOrTimesOut) {
  const Joined joined = Join();
  OnLoop([&] { publisher_->tail.number = 7; });
  v1::WaitForPositionRequest request;
  request.set_dataset("all");
  const auto now = Call<v1::ChangesService>(joined.channel, &v1::ChangesService::Stub::WaitForPosition, request);
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ(now->position().lsn(), Lsn::Of(7, 0).value);
  request.set_lsn(Lsn::Of(8, 0).value);
  request.mutable_timeout()->set_nanos(1'000'000);
  EXPECT_EQ(
      Call<v1::ChangesService>(joined.channel, &v1::ChangesService::Stub::WaitForPosition, request).status().code(),
      absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ControlServerTest, SubscribeWaitsForADatasetThatIsBeingBuilt) {
  const Joined joined = Join();
  OnLoop([&] { publisher_->streams[all_].state = StreamInfo::State::kBuilding; });
  auto subscribed = std::async(std::launch::async, [&] { return Subscribe(joined, "all"); });
  // A later call is answered, so the earlier one waits in the server.
  EXPECT_TRUE(Subscribe(admin_, "other").ok());
  OnLoop([&] {
    publisher_->streams[all_].state = StreamInfo::State::kReady;
    events_->OnStreamReady(publisher_->streams[all_]);
  });
  EXPECT_TRUE(subscribed.get().ok());
}

TEST_F(ControlServerTest, CompareGivesDigestsOfEveryTable) {
  const Joined joined = Join();
  v1::CompareRequest request;
  request.mutable_position()->set_definition_hash(all_.ToBytes());
  request.mutable_position()->set_history_id(publisher_->history().ToBytes());
  const auto compared =
      Call<v1::SynchronizationService>(joined.channel, &v1::SynchronizationService::Stub::Compare, request);
  ASSERT_TRUE(compared.ok()) << compared.status();
  EXPECT_EQ(compared->digests_size(), 1);
}

TEST_F(ControlServerTest, ListsPageByPage) {
  for (int i = 0; i < 3; ++i) Join();
  v1::ListMembersRequest request;
  request.set_page_size(2);
  const auto first = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::ListMembers, request);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->members_size(), 2);
  request.set_page_token(first->next_page_token());
  const auto second = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::ListMembers, request);
  EXPECT_EQ(second->members_size(), 2);
  EXPECT_EQ(second->next_page_token(), "");
  v1::ListDatasetsRequest datasets;
  datasets.set_page_size(1);
  const auto one = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::ListDatasets, datasets);
  EXPECT_EQ(one->next_page_token(), "all");
  datasets.set_page_token(one->next_page_token());
  EXPECT_EQ(
      (Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::ListDatasets, datasets)->datasets(0).name()),
      "other");
}

TEST_F(ControlServerTest, ReportsAreShownInTheMember) {
  const Joined joined = Join();
  const auto subscribed = Subscribe(joined, "all");
  v1::ReportRequest report;
  report.set_stream_id(subscribed->grant().stream_id());
  report.mutable_report()->set_expected_symbols(100);
  report.mutable_report()->set_missing_symbols(5);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call<v1::RateService>(joined.channel, &v1::RateService::Stub::Report, report).ok());
  v1::GetMemberRequest request;
  request.set_member(joined.id.ToHex().substr(0, 10));
  const auto shown = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::GetMember, request);
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(shown->member().missing_symbols(), 10u);
  EXPECT_EQ(shown->member().expected_symbols(), 200u);
}

TEST_F(ControlServerTest, AServerThatEndsIsNotTouchedByWhoStillSaysThatAllIsWell) {
  std::promise<void> ended;
  OnLoop([&] { server_->End([&] { ended.set_value(); }); });
  ended.get_future().wait();
  OnLoop([&] { server_->SetServing(true); });
  loop_.Stop();
  thread_.join();
}

TEST_F(ControlServerTest, EndingTellsWhoWaitsAndIsQuick) {
  const Joined joined = Join();
  v1::WatchRequest request;
  request.set_dataset("all");
  grpc::ClientContext context;
  const auto stub = v1::ChangesService::NewStub(joined.channel);
  const auto reader = stub->Watch(&context, request);
  size_t open = 0;
  while (open == 0) OnLoop([&] { open = plane_->streams().size(); });
  const absl::Time begun = clock_.Now();
  loop_.Post([this] { server_->End([this] { loop_.Stop(); }); });
  v1::WatchResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(reader->Finish())), "SHUTTING_DOWN");
  thread_.join();
  EXPECT_LT(clock_.Now() - begun, absl::Seconds(2));
}

}  // namespace
}  // namespace replicast::control
