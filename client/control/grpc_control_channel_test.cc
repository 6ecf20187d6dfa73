#include "client/control/grpc_control_channel.h"

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/base/clock.h"
#include "common/base/errors.h"
#include "common/crypto/certificates.h"
#include "common/rpc/errors.h"
#include "common/rpc/peer.h"
#include "common/rpc/server_host.h"
#include "replicast/v1/authorization_service.grpc.pb.h"
#include "replicast/v1/synchronization_service.grpc.pb.h"

namespace replicast {
namespace {

class Authorization : public v1::AuthorizationService::Service {
 public:
  grpc::Status Subscribe(grpc::ServerContext*, const v1::SubscribeRequest* request,
                         v1::SubscribeResponse* response) override {
    if (request->dataset() == "none")
      return rpc::ToGrpc(Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "there is no dataset none"));
    response->set_reason(request->dataset());
    return grpc::Status::OK;
  }
};

// Sends newest_lsn 1, 2, … up to the position's lsn; with follow it then waits to be cut.
class Synchronization : public v1::SynchronizationService::Service {
 public:
  grpc::Status CatchUp(grpc::ServerContext* context, const v1::CatchUpRequest* request,
                       grpc::ServerWriter<v1::CatchUpResponse>* writer) override {
    for (uint64_t lsn = 1; lsn <= request->position().lsn(); ++lsn) {
      v1::CatchUpResponse response;
      response.set_newest_lsn(lsn);
      response.mutable_part()->set_body(std::string(10'000, 'x'));
      if (!writer->Write(response)) break;
      ++written;
    }
    if (request->follow()) {
      while (!context->IsCancelled()) std::this_thread::yield();
      cut = true;
    }
    return grpc::Status::OK;
  }
  std::atomic<uint64_t> written{0};
  std::atomic<bool> cut{false};
};

class GrpcControlChannelTest : public ::testing::Test {
 protected:
  GrpcControlChannelTest() {
    const int64_t now = absl::ToUnixSeconds(absl::Now());
    const std::string ca_key = crypto::GeneratePrivateKeyPem();
    const std::string ca = crypto::CreateCaPem(ca_key, "test", now - 60, now + 3600);
    const auto issue = [&](const std::string& name, const std::string& role, const std::string& key,
                           const std::vector<std::string>& dns) {
      return crypto::DerToPem(*crypto::IssueDer(ca, ca_key, crypto::CreateRequestDer(key, "x"),
                                                {name, role, now - 60, now + 3600}, dns, {}));
    };
    const std::string server_key = crypto::GeneratePrivateKeyPem(), member_key = crypto::GeneratePrivateKeyPem();
    rpc::ServerHost::Options options;
    options.address = "127.0.0.1:0";
    options.ca_pem = ca;
    options.certificate_pem = issue("00", rpc::kServerRole, server_key, {"replicast"});
    options.key_pem = server_key;
    options.services = {&authorization_, &synchronization_};
    auto host = rpc::ServerHost::Start(options);
    EXPECT_TRUE(host.ok()) << host.status();
    host_ = *std::move(host);
    credentials_ = {ca, issue("11", rpc::kMemberRole, member_key, {}), member_key,
                    "127.0.0.1:" + std::to_string(host_->port())};
  }

  // Runs the loop until `done`, at most twenty seconds.
  void RunUntil(const std::function<bool()>& done) {
    SystemClock clock;
    const absl::Time end = clock.Now() + absl::Seconds(20);
    loop_.SetTick([&] {
      if (done() || clock.Now() >= end) loop_.Stop();
      return end;
    });
    loop_.Run();
    EXPECT_TRUE(done());
  }
  static v1::CatchUpRequest Asking(uint64_t messages, bool follow) {
    v1::CatchUpRequest request;
    request.mutable_position()->set_lsn(messages);
    request.set_follow(follow);
    return request;
  }

  Authorization authorization_;
  Synchronization synchronization_;
  std::unique_ptr<rpc::ServerHost> host_;
  rpc::Credentials credentials_;
  net::EventLoop loop_;
};

TEST_F(GrpcControlChannelTest, AnswersComeOnTheLoopsThread) {
  GrpcControlChannel channel(loop_, credentials_);
  const std::thread::id here = std::this_thread::get_id();
  std::optional<absl::StatusOr<v1::SubscribeResponse>> got;
  v1::SubscribeRequest request;
  request.set_dataset("catalogue");
  channel.Subscribe(request, [&](auto answer) {
    EXPECT_EQ(std::this_thread::get_id(), here);
    got = std::move(answer);
  });
  RunUntil([&] { return got.has_value(); });
  ASSERT_TRUE(got->ok()) << got->status();
  EXPECT_EQ((*got)->reason(), "catalogue");
}

TEST_F(GrpcControlChannelTest, ErrorsKeepTheirReason) {
  GrpcControlChannel channel(loop_, credentials_);
  std::optional<absl::Status> got;
  v1::SubscribeRequest request;
  request.set_dataset("none");
  channel.Subscribe(request, [&](auto answer) { got = answer.status(); });
  RunUntil([&] { return got.has_value(); });
  EXPECT_EQ(ReasonOf(*got), "DATASET_UNKNOWN");
  EXPECT_EQ(got->code(), absl::StatusCode::kNotFound);
}

TEST_F(GrpcControlChannelTest, AServerThatIsAwayIsUnavailable) {
  rpc::Credentials nowhere = credentials_;
  nowhere.address = "127.0.0.1:1";
  GrpcControlChannel channel(loop_, nowhere);
  std::optional<absl::Status> got;
  channel.Subscribe({}, [&](auto answer) { got = answer.status(); });
  RunUntil([&] { return got.has_value(); });
  EXPECT_EQ(got->code(), absl::StatusCode::kUnavailable);
}

TEST_F(GrpcControlChannelTest, AStreamGivesEveryMessageInOrderAndThenItsEnd) {
  GrpcControlChannel channel(loop_, credentials_);
  std::vector<uint64_t> got;
  std::optional<absl::Status> end;
  std::unique_ptr<ControlChannel::Stream> stream;
  stream = channel.CatchUp(
      Asking(200, false),
      [&](const v1::CatchUpResponse& response) {
        got.push_back(response.newest_lsn());
        stream->Ready();
      },
      [&](const absl::Status& status) { end = status; });
  RunUntil([&] { return end.has_value(); });
  EXPECT_TRUE(end->ok()) << *end;
  ASSERT_EQ(got.size(), 200u);
  for (uint64_t i = 0; i < 200; ++i) EXPECT_EQ(got[i], i + 1);
}

TEST_F(GrpcControlChannelTest, OnlyAFewMessagesAreReadAheadOfTheSession) {
  GrpcControlChannel channel(loop_, credentials_);
  int got = 0;
  const auto stream = channel.CatchUp(
      Asking(1000, false), [&](const v1::CatchUpResponse&) { ++got; }, [](const absl::Status&) {});
  RunUntil([&] { return got >= 16; });
  // Nothing is answered with Ready, so nothing more comes, however long it takes another call to go and return.
  net::EventLoop second;
  GrpcControlChannel other(second, credentials_);
  v1::SubscribeRequest request;
  other.Subscribe(request, [&](const auto&) { second.Stop(); });
  second.Run();
  EXPECT_EQ(got, 16);
}

TEST_F(GrpcControlChannelTest, LettingGoOfAStreamCancelsItAtTheServer) {
  GrpcControlChannel channel(loop_, credentials_);
  int got = 0, ends = 0;
  auto stream = channel.CatchUp(
      Asking(1, true), [&](const v1::CatchUpResponse&) { ++got; }, [&](const absl::Status&) { ++ends; });
  RunUntil([&] { return got == 1; });
  stream.reset();
  while (!synchronization_.cut) std::this_thread::yield();
  EXPECT_EQ(ends, 0);
}

TEST_F(GrpcControlChannelTest, ClosingWhileCallsAreOpenWaitsForThem) {
  for (int round = 0; round < 20; ++round) {
    net::EventLoop loop;
    auto channel = std::make_unique<GrpcControlChannel>(loop, credentials_);
    auto stream = channel->CatchUp(
        Asking(100, true), [](const v1::CatchUpResponse&) {}, [](const absl::Status&) {});
    channel->Subscribe({}, [](const auto&) {});
    channel.reset();
    stream.reset();
  }
}

}  // namespace
}  // namespace replicast
