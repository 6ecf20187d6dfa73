#include "common/rpc/server_host.h"

#include <absl/synchronization/notification.h>
#include <absl/time/clock.h>
#include <arpa/inet.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/certificates.h"
#include "common/rpc/answer.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials_folder.h"
#include "common/rpc/peer.h"
#include "common/rpc/server_stream.h"
#include "replicast/v1/changes_service.grpc.pb.h"

namespace replicast::rpc {
namespace {

// A private CA, and certificates out of it.
class Authority {
 public:
  Authority() : key_(crypto::GeneratePrivateKeyPem()), now_(absl::ToUnixSeconds(absl::Now())) {
    ca_ = crypto::CreateCaPem(key_, "test", now_ - 60, now_ + 3600);
  }
  const std::string& ca() const { return ca_; }
  Credentials Issue(const std::string& name, const std::string& role, const std::vector<std::string>& dns) const {
    const std::string key = crypto::GeneratePrivateKeyPem();
    const auto der =
        crypto::IssueDer(ca_, key_, crypto::CreateRequestDer(key, "x"), {name, role, now_ - 60, now_ + 3600}, dns, {});
    EXPECT_TRUE(der.has_value());
    return {ca_, crypto::DerToPem(der.value_or("")), key, ""};
  }

 private:
  std::string key_, ca_;
  int64_t now_;
};

// A path to a local port, for one connection. Once so many bytes came back over it it takes no more, as if the cable
// were pulled.
class StallingPath {
 public:
  StallingPath(uint16_t port, size_t most) : listener_(Socket()), far_(Socket()) {
    const int small = 4096;
    setsockopt(far_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in at = Loopback(0);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    at = Loopback(port);
    EXPECT_EQ(connect(far_, reinterpret_cast<sockaddr*>(&at), size), 0);
    thread_ = std::thread([this, most] {
      near_ = accept(listener_, nullptr, nullptr);
      std::thread there([this] { Copy(near_, far_, SIZE_MAX); });
      Copy(far_, near_, most);
      stalled_.Notify();
      there.join();
    });
  }
  ~StallingPath() {
    for (const int socket : {listener_, near_.load(), far_}) shutdown(socket, SHUT_RDWR);
    thread_.join();
    for (const int socket : {listener_, near_.load(), far_}) close(socket);
  }
  uint16_t port() const { return port_; }
  bool WaitUntilStalled() const { return stalled_.WaitForNotificationWithTimeout(absl::Seconds(10)); }

 private:
  static int Socket() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
  }
  static void Copy(int from, int to, size_t most) {
    std::array<char, 4096> bytes;
    for (size_t copied = 0; copied < most;) {
      const ssize_t count = recv(from, bytes.data(), bytes.size(), 0);
      if (count <= 0 || send(to, bytes.data(), static_cast<size_t>(count), MSG_NOSIGNAL) != count) return;
      copied += static_cast<size_t>(count);
    }
  }

  const int listener_, far_;
  std::atomic<int> near_ = -1;
  uint16_t port_ = 0;
  absl::Notification stalled_;
  std::thread thread_;
};

// Tells who calls; a watcher gets as many messages, of `message_bytes` and some, as it asks for with lsn, or none until
// it is cut.
class Service : public v1::ChangesService::CallbackService {
 public:
  grpc::ServerUnaryReactor* WaitForPosition(grpc::CallbackServerContext* context,
                                            const v1::WaitForPositionRequest* request,
                                            v1::WaitForPositionResponse* response) override {
    const Answer<v1::WaitForPositionResponse> answer(response);
    if (request->lsn() == 404) return answer.reactor();  // the answer goes away unused
    const auto peer = PeerOf(*context);
    if (!peer.ok()) {
      answer(peer.status());
      return answer.reactor();
    }
    v1::WaitForPositionResponse message;
    message.mutable_position()->set_history_id(peer->id.ToBytes());
    answer(message);
    answer(absl::InternalError("a second answer is dropped"));
    return answer.reactor();
  }
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override {
    auto stream = ServerStream<v1::WatchResponse>::Make(context);
    last = stream;
    auto left = std::make_shared<std::atomic<uint64_t>>(request->from().lsn());
    if (*left == 0) return stream.get();
    v1::WatchResponse message;
    message.mutable_position()->set_history_id(std::string(message_bytes, 'x'));
    stream->SetWanted([weak = std::weak_ptr(stream), left, message] {
      const auto open = weak.lock();
      if (!open) return;
      if (--*left == 0)
        open->End(absl::OkStatus());
      else
        open->Write(message);
    });
    stream->Write(message);
    return stream.get();
  }
  size_t message_bytes = 0;
  std::weak_ptr<ServerStream<v1::WatchResponse>> last;
};

class ServerHostTest : public testing::Test {
 protected:
  ServerHostTest() : server_(authority_.Issue("server", kServerRole, {kServerName})) {}
  std::unique_ptr<ServerHost> Start(bool strangers = false, bool open = true) {
    auto host = ServerHost::Start({"127.0.0.1:0",
                                   strangers ? "" : authority_.ca(),
                                   server_.certificate_pem,
                                   server_.key_pem,
                                   {&service_},
                                   open,
                                   absl::ZeroDuration()});
    EXPECT_TRUE(host.ok()) << host.status();
    (*host)->SetServing(true);
    return *std::move(host);
  }
  std::string At(const ServerHost& host) { return "127.0.0.1:" + std::to_string(host.port()); }
  Credentials Member(const std::string& id = std::string(32, 'a'), const std::string& role = kMemberRole) {
    return authority_.Issue(id, role, {});
  }
  static absl::Status Call(const std::shared_ptr<grpc::Channel>& channel, v1::WaitForPositionResponse* response,
                           uint64_t lsn = 0) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::WaitForPositionRequest request;
    request.set_lsn(lsn);
    return FromGrpc(v1::ChangesService::NewStub(channel)->WaitForPosition(&context, request, response));
  }
  absl::Status CallAs(const ServerHost& host, Credentials credentials, v1::WaitForPositionResponse* response,
                      uint64_t lsn = 0) {
    credentials.address = At(host);
    return Call(MemberChannel(credentials), response, lsn);
  }

  Authority authority_;
  Credentials server_;
  Service service_;
  v1::WaitForPositionResponse response_;
};

TEST_F(ServerHostTest, KnowsTheCallerByItsCertificate) {
  const auto host = Start();
  const absl::Status status = CallAs(*host, Member(), &response_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response_.position().history_id(), std::string(16, '\xaa'));
}

TEST_F(ServerHostTest, RefusesStrangersInTheHandshake) {
  const auto host = Start();
  EXPECT_EQ(Call(EnrolmentChannel(At(*host), authority_.ca()), &response_).code(), absl::StatusCode::kUnavailable);
  const Authority other;
  Credentials foreign = other.Issue(std::string(32, 'a'), kMemberRole, {});
  foreign.ca_pem = authority_.ca();
  EXPECT_EQ(CallAs(*host, foreign, &response_).code(), absl::StatusCode::kUnavailable);
}

TEST_F(ServerHostTest, ARenewedCertificateIsShownToWhoConnectsFromThenOn) {
  const TemporaryFolder folder;
  ASSERT_TRUE(SaveCredentials(folder.path(), server_).ok());
  ServerHost::Options options;
  options.address = "127.0.0.1:0";
  options.ca_pem = authority_.ca();
  options.services = {&service_};
  options.renewed_in = folder.path();
  const auto host = ServerHost::Start(options);
  ASSERT_TRUE(host.ok()) << host.status();
  ASSERT_TRUE(CallAs(**host, Member(), &response_).ok());
  EXPECT_FALSE(Call(EnrolmentChannel(At(**host), authority_.ca()), &response_).ok()) << "a stranger";
  const Authority other;
  Credentials renewed = other.Issue("server", kServerRole, {kServerName});
  Credentials known = other.Issue(std::string(32, 'a'), kMemberRole, {});
  EXPECT_FALSE(CallAs(**host, known, &response_).ok());
  ASSERT_TRUE(SaveCredentials(folder.path(), renewed).ok());
  absl::Status shown;
  for (const absl::Time until = absl::Now() + absl::Seconds(20); absl::Now() < until;) {
    shown = CallAs(**host, known, &response_);
    if (shown.ok()) break;
  }
  EXPECT_TRUE(shown.ok()) << shown;
}

TEST_F(ServerHostTest, AClientRefusesAServerOfAnotherAuthorityAndAMemberThatPlaysServer) {
  const auto host = Start(true);
  const Authority other;
  EXPECT_EQ(Call(EnrolmentChannel(At(*host), other.ca()), &response_).code(), absl::StatusCode::kUnavailable);
  server_ = Member();
  const auto impostor = Start(true);
  EXPECT_EQ(Call(EnrolmentChannel(At(*impostor), authority_.ca()), &response_).code(), absl::StatusCode::kUnavailable);
}

TEST_F(ServerHostTest, CertificatesThatNameNoMemberAreNoIdentity) {
  const auto host = Start();
  EXPECT_EQ(ReasonOf(CallAs(*host, Member("not hex"), &response_)), "CERTIFICATE_INVALID");
  EXPECT_EQ(ReasonOf(CallAs(*host, Member(std::string(32, 'a'), kServerRole), &response_)), "CERTIFICATE_INVALID");
  const auto strangers = Start(true);
  EXPECT_EQ(ReasonOf(Call(EnrolmentChannel(At(*strangers), authority_.ca()), &response_)), "CERTIFICATE_REQUIRED");
}

TEST_F(ServerHostTest, AnAnswerThatIsNeverGivenEndsTheCall) {
  const auto host = Start();
  const absl::Status status = CallAs(*host, Member(), &response_, 404);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
}

TEST_F(ServerHostTest, ShutItTakesNobody) {
  const auto host = Start(false, false);
  EXPECT_EQ(CallAs(*host, Member(), &response_).code(), absl::StatusCode::kUnavailable);
  host->SetOpen(true);
  EXPECT_TRUE(CallAs(*host, Member(), &response_).ok());
}

TEST_F(ServerHostTest, StreamsWriteOneMessageAfterAnotherToTheEnd) {
  const auto host = Start();
  Credentials credentials = Member();
  credentials.address = At(*host);
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.mutable_from()->set_lsn(100);
  const auto stub = v1::ChangesService::NewStub(MemberChannel(credentials));
  const auto reader = stub->Watch(&context, request);
  v1::WatchResponse message;
  int messages = 0;
  while (reader->Read(&message)) ++messages;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(messages, 100);
}

TEST_F(ServerHostTest, AStreamThatIsCutTellsWhy) {
  const auto host = Start();
  Credentials credentials = Member();
  credentials.address = At(*host);
  grpc::ClientContext context;
  const auto stub = v1::ChangesService::NewStub(MemberChannel(credentials));
  const auto reader = stub->Watch(&context, {});
  EXPECT_TRUE(CallAs(*host, Member(), &response_).ok());
  std::shared_ptr<ServerStream<v1::WatchResponse>> stream;
  while (!(stream = service_.last.lock())) std::this_thread::yield();
  stream->Cut(Error(absl::StatusCode::kPermissionDenied, "MEMBER_REVOKED", "revoked"));
  v1::WatchResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(ReasonOf(FromGrpc(reader->Finish())), "MEMBER_REVOKED");
}

TEST_F(ServerHostTest, ShutdownCutsAStreamThatNobodyEnds) {
  auto host = Start();
  Credentials credentials = Member();
  credentials.address = At(*host);
  grpc::ClientContext context;
  const auto stub = v1::ChangesService::NewStub(MemberChannel(credentials));
  const auto reader = stub->Watch(&context, {});
  EXPECT_TRUE(CallAs(*host, Member(), &response_).ok());
  host->Shutdown(absl::Milliseconds(50));
  v1::WatchResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_FALSE(reader->Finish().ok());
}

TEST_F(ServerHostTest, APortInUseIsRefusedByAHostThatHasNoAcceptorYet) {
  const auto first = Start();
  for (int i = 0; i < 20; ++i) {
    const auto second = ServerHost::Start({.address = At(*first),
                                           .ca_pem = authority_.ca(),
                                           .certificate_pem = server_.certificate_pem,
                                           .key_pem = server_.key_pem,
                                           .services = {},
                                           .open = true,
                                           .most_age = absl::ZeroDuration()});
    EXPECT_EQ(ReasonOf(second.status()), "MACHINE_PORT_IN_USE");
  }
}

TEST_F(ServerHostTest, AWriteThatTheOtherMachineTakesNoMoreDoesNotHoldUpTheShutdown) {
  auto host = Start();
  service_.message_bytes = 2 << 20;
  const StallingPath path(host->port(), 1 << 20);
  Credentials credentials = Member();
  credentials.address = "127.0.0.1:" + std::to_string(path.port());
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.mutable_from()->set_lsn(5);
  const auto stub = v1::ChangesService::NewStub(MemberChannel(credentials));
  const auto reader = stub->Watch(&context, request);
  ASSERT_TRUE(path.WaitUntilStalled());
  const absl::Time begun = absl::Now();
  host->Shutdown(absl::Milliseconds(100));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));
  context.TryCancel();
}

TEST_F(ServerHostTest, HealthFollowsSetServing) {
  const auto host = Start();
  Credentials credentials = Member();
  credentials.address = At(*host);
  const auto channel = MemberChannel(credentials);
  const auto check = [&] {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    grpc::Slice nothing("");
    grpc::ByteBuffer request(&nothing, 1), reply;
    grpc::Status status;
    const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool good = false;
    queue.Next(&tag, &good);
    grpc::Slice slice;
    return status.ok() && reply.DumpToSingleSlice(&slice).ok() ? std::string(slice.begin(), slice.end())
                                                               : std::string("failed");
  };
  EXPECT_EQ(check(), std::string("\x08\x01"));
  host->SetServing(false);
  EXPECT_EQ(check(), std::string("\x08\x02"));
}

}  // namespace
}  // namespace replicast::rpc
