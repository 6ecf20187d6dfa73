#include "common/base/limits.h"
#include "server/control/control_server_rig.h"

namespace replicast::control {
namespace {

using ControlStreamsTest = ControlServerRig;

TEST_F(ControlStreamsTest, ARevokedMemberIsRefusedAndItsOpenStreamEnds) {
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

TEST_F(ControlStreamsTest, ARevokedMemberThatDoesNotReadIsBrokenOff) {
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

TEST_F(ControlStreamsTest, WatchGoesOnFromAPositionWithoutADefinitionAsPeopleWriteThem) {
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

TEST_F(ControlStreamsTest, CallersThatGoAwayWhileTheirStreamIsOpenedLeaveNothingBehind) {
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

TEST_F(ControlStreamsTest, WatchRefusesAPositionOfAnotherDefinitionAndADatasetThatIsNotReady) {
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

TEST_F(ControlStreamsTest, CatchUpFollowsNewUnits) {
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

TEST_F(ControlStreamsTest, ASnapshotTellsAllChunksAndEnds) {
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

TEST_F(ControlStreamsTest, AMemberHasOnlySoManyStreams) {
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

TEST_F(ControlStreamsTest, AServerThatEndsIsNotTouchedByWhoStillSaysThatAllIsWell) {
  std::promise<void> ended;
  OnLoop([&] { server_->End([&] { ended.set_value(); }); });
  ended.get_future().wait();
  OnLoop([&] { server_->SetServing(true); });
  loop_.Stop();
  thread_.join();
}

TEST_F(ControlStreamsTest, EndingTellsWhoWaitsAndIsQuick) {
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
