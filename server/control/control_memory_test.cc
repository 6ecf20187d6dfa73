// Who remembers what a member has, and pauses, over both ends of gRPC.
#include "common/rpc/files.h"
#include "common/wire/position_proto.h"
#include "server/control/control_server_rig.h"

namespace replicast::control {
namespace {

class ControlMemoryTest : public ControlServerRig {
 protected:
  absl::StatusOr<v1::SubscribeResponse> SubscribeRemembered(const Joined& joined) {
    v1::SubscribeRequest request;
    request.set_dataset("all");
    request.set_memory(v1::MEMORY_SERVER);
    return Call<v1::AuthorizationService>(joined.channel, &v1::AuthorizationService::Stub::Subscribe, request);
  }
  absl::StatusOr<v1::ReportResponse> Report(const Joined& joined, const Position& position, bool paused = false) {
    v1::ReportRequest request;
    OnLoop([&] { request.set_stream_id(multicaster_.Channel(all_)->stream_id); });
    *request.mutable_report()->mutable_position() = ToProto(position);
    request.mutable_report()->set_paused(paused);
    return Call<v1::RateService>(joined.channel, &v1::RateService::Stub::Report, request);
  }
  absl::StatusOr<v1::AcknowledgeResponse> Acknowledge(const Joined& joined, const Position& position) {
    v1::AcknowledgeRequest request;
    request.set_dataset("all");
    *request.mutable_position() = ToProto(position);
    return Call<v1::ChangesService>(joined.channel, &v1::ChangesService::Stub::Acknowledge, request);
  }
  absl::StatusOr<v1::PauseMemberResponse> Pause(const Joined& by, const MemberId& member, int64_t seconds) {
    v1::PauseMemberRequest request;
    request.set_member(member.ToHex());
    if (seconds != 0) request.mutable_duration()->set_seconds(seconds);
    return Call<v1::AdminService>(by.channel, &v1::AdminService::Stub::PauseMember, request);
  }
  v1::Member Show(const MemberId& member) {
    v1::GetMemberRequest request;
    request.set_member(member.ToHex());
    return Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::GetMember, request)->member();
  }
  void Publish(uint64_t number) {
    OnLoop([&] { publisher_->Emit(all_, Lsn::Of(number, 0)); });
  }
};

TEST_F(ControlMemoryTest, ReportsAcknowledgeAndTheNextSubscriptionGoesOnBehindThat) {
  const Joined joined = Join();
  Publish(50);
  const auto first = SubscribeRemembered(joined);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->next_step(), v1::NEXT_STEP_SNAPSHOT);
  EXPECT_FALSE(first->has_acknowledged());
  const auto reported = Report(joined, PositionOf(all_, Lsn::Of(40, 0)));
  ASSERT_TRUE(reported.ok()) << reported.status();
  EXPECT_EQ(reported->next_step(), v1::NEXT_STEP_FOLLOW);
  const auto again = SubscribeRemembered(joined);
  EXPECT_EQ(again->next_step(), v1::NEXT_STEP_FOLLOW);
  EXPECT_EQ(again->acknowledged().lsn(), Lsn::Of(40, 0).value);
  const v1::Member shown = Show(joined.id);
  ASSERT_EQ(shown.subscriptions_size(), 1);
  EXPECT_EQ(shown.subscriptions(0).dataset(), "all");
  EXPECT_EQ(shown.subscriptions(0).memory(), v1::MEMORY_SERVER);
  EXPECT_EQ(shown.subscriptions(0).position().lsn(), Lsn::Of(40, 0).value);
}

TEST_F(ControlMemoryTest, AReportOfWhatCantBeChangesNothingAndHearsWhatToDo) {
  const Joined joined = Join();
  Publish(50);
  ASSERT_TRUE(SubscribeRemembered(joined).ok());
  ASSERT_TRUE(Report(joined, PositionOf(all_, Lsn::Of(40, 0))).ok());
  OnLoop([&] { publisher_->next_step = NextStep::kSnapshot; });
  const auto ahead = Report(joined, PositionOf(all_, Lsn::Of(60, 0)));
  ASSERT_TRUE(ahead.ok()) << ahead.status();
  EXPECT_EQ(ahead->next_step(), v1::NEXT_STEP_SNAPSHOT);
  EXPECT_NE(ahead->reason(), "");
  EXPECT_TRUE(Report(joined, PositionOf(other_, Lsn::Of(45, 0))).ok());
  OnLoop([&] { EXPECT_EQ(plane_->memory().refused(), 2u); });
  EXPECT_EQ(Show(joined.id).subscriptions(0).position().lsn(), Lsn::Of(40, 0).value);
}

TEST_F(ControlMemoryTest, AProgramAcknowledgesWhatItMayReadAndIsRefusedWhatCantBe) {
  const Joined joined = Join();
  Publish(50);
  const auto done = Acknowledge(joined, PositionOf(all_, Lsn::Of(40, 0)));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->position().lsn(), Lsn::Of(40, 0).value);
  EXPECT_EQ(Acknowledge(joined, PositionOf(all_, Lsn::Of(30, 0)))->position().lsn(), Lsn::Of(40, 0).value);
  EXPECT_EQ(ReasonOf(Acknowledge(joined, PositionOf(all_, Lsn::Of(51, 0))).status()), "POSITION_AHEAD");
  EXPECT_EQ(ReasonOf(Acknowledge(joined, PositionOf(other_, Lsn::Of(40, 0))).status()), "OTHER_DEFINITION");
  EXPECT_EQ(ReasonOf(Acknowledge(Join("other"), PositionOf(all_, Lsn::Of(40, 0))).status()), "DATASET_NOT_GRANTED");
}

TEST_F(ControlMemoryTest, AWatchGoesOnBehindWhatWasAcknowledged) {
  const Joined joined = Join();
  Publish(50);
  ASSERT_TRUE(Acknowledge(joined, PositionOf(all_, Lsn::Of(40, 0))).ok());
  OnLoop([&] {
    const auto member = membership_->members().Get(joined.id);
    EXPECT_EQ(*plane_->memory().OnWatch(member->id, "all", *publisher_->Stream(all_)),
              PositionOf(all_, Lsn::Of(40, 0)));
  });
}

TEST_F(ControlMemoryTest, APausedMemberIsToldByANoticeWithItsSubscriptionAndWithEachReport) {
  const Joined joined = Join();
  Publish(50);
  EXPECT_FALSE(Subscribe(joined, "all")->has_pause());
  const auto paused = Pause(admin_, joined.id, 7200);
  ASSERT_TRUE(paused.ok()) << paused.status();
  EXPECT_NEAR(static_cast<double>(paused->member().pause().until().seconds()),
              static_cast<double>(absl::ToUnixSeconds(clock_.Wall())) + 7200, 60);
  OnLoop([&] {
    ASSERT_EQ(multicaster_.notices.size(), 1u);
    v1::SignedNotice notice;
    ASSERT_TRUE(notice.ParseFromString(multicaster_.notices[0]));
    const auto statement = wire::OpenNotice(notice, wire::Verifier(signing_.public_key));
    ASSERT_TRUE(statement.ok());
    EXPECT_EQ(statement->changed_member_id(), joined.id.view());
  });
  EXPECT_TRUE(Subscribe(joined, "all")->has_pause());
  EXPECT_TRUE(Report(joined, PositionOf(all_, Lsn::Of(40, 0)), true)->has_pause());
  EXPECT_TRUE(Show(joined.id).has_pause());
  EXPECT_TRUE(Show(joined.id).subscriptions(0).paused());

  v1::ResumeMemberRequest request;
  request.set_member(joined.id.ToHex());
  ASSERT_TRUE(Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::ResumeMember, request).ok());
  EXPECT_FALSE(Report(joined, PositionOf(all_, Lsn::Of(40, 0)))->has_pause());
  EXPECT_FALSE(Show(joined.id).has_pause());
  const std::string log = *rpc::ReadFile(folder_ + "/audit.log");
  EXPECT_NE(log.find("\"pause\""), std::string::npos) << log;
  EXPECT_NE(log.find("\"resume\""), std::string::npos) << log;
}

TEST_F(ControlMemoryTest, AMemberThatFollowsByUnicastIsToldInItsStream) {
  const Joined joined = Join();
  Publish(1);
  const v1::CatchUpRequest request = FollowAll();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto stub = v1::SynchronizationService::NewStub(joined.channel);
  const auto reader = stub->CatchUp(&context, request);
  v1::CatchUpResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(message.has_part());
  ASSERT_TRUE(Pause(admin_, joined.id, 7200).ok());
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_FALSE(message.has_part());
  const auto statement = wire::OpenNotice(message.notice(), wire::Verifier(signing_.public_key));
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(statement->changed_member_id(), joined.id.view());
  Publish(2);
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(message.has_part()) << "and units go on";
  context.TryCancel();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ControlMemoryTest, OnlyAnAdminPausesAndOnlyForSomeTime) {
  const Joined joined = Join();
  EXPECT_EQ(ReasonOf(Pause(joined, joined.id, 60).status()), "ADMIN_REQUIRED");
  EXPECT_EQ(ReasonOf(Pause(admin_, joined.id, -60).status()), "REQUEST_INVALID");
  EXPECT_EQ(ReasonOf(Pause(admin_, random_.Identifier<MemberId>(), 60).status()), "MEMBER_UNKNOWN");
}

}  // namespace
}  // namespace replicast::control
