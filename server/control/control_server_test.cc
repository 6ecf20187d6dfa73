#include "server/control/control_server.h"

#include "common/wire/position_proto.h"
#include "server/control/control_server_rig.h"

namespace replicast::control {
namespace {

using ControlServerTest = ControlServerRig;

TEST_F(ControlServerTest, AMemberEnrolsSubscribesAndOpensItsKeys) {
  const Joined joined = Join();
  const auto subscribed = Subscribe(joined, "all");
  ASSERT_TRUE(subscribed.ok()) << subscribed.status();
  EXPECT_EQ(subscribed->next_step(), v1::NEXT_STEP_SNAPSHOT);
  EXPECT_EQ(subscribed->grant().definition_hash(), all_.ToBytes());
  EXPECT_EQ(subscribed->path(0).server_id(), server_id_.ToBytes());
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

TEST_F(ControlServerTest, AProgramWhoseIdentityRunsElsewhereIsTold) {
  const Joined joined = Join();
  const auto reason_for = [&](char run) {
    v1::SubscribeRequest request;
    request.set_dataset("all");
    request.set_instance(std::string(16, run));
    return ReasonOf(
        Call<v1::AuthorizationService>(joined.channel, &v1::AuthorizationService::Stub::Subscribe, request).status());
  };
  EXPECT_EQ(reason_for('a'), "");
  EXPECT_EQ(reason_for('b'), "") << "it began anew";
  EXPECT_EQ(reason_for('a'), "IDENTITY_SHARED");
  EXPECT_EQ(reason_for('b'), "");
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

TEST_F(ControlServerTest, AMemberMayBringAFewDefinitionsOfItsOwnAtATime) {
  const Joined joined = Join();
  v1::SubscribeRequest request;
  request.set_dataset("all");
  request.mutable_narrowing()->add_tables()->set_name("t");
  const auto subscribe = [&] {
    return Call<v1::AuthorizationService>(joined.channel, &v1::AuthorizationService::Stub::Subscribe, request);
  };
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(subscribe().ok());
  size_t before = 0, after = 0;
  OnLoop([&] { before = publisher_->datasets.size(); });
  EXPECT_EQ(ReasonOf(subscribe().status()), "OVER_BUDGET");
  OnLoop([&] { after = publisher_->datasets.size(); });
  EXPECT_EQ(after, before);
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

TEST_F(ControlServerTest, StreamsTellHowManyFollowByWhichWayAndWhy) {
  const auto counts = [&] {
    v1::GetStreamRequest request;
    request.set_dataset("all");
    const auto answer = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::GetStream, request);
    std::map<std::pair<int, int>, uint32_t> counted;
    EXPECT_TRUE(answer.ok()) << answer.status();
    for (const v1::TransportCount& each : answer->stream().transports())
      counted[{each.transport(), each.unicast_reason()}] = each.members();
    return counted;
  };
  using Counts = std::map<std::pair<int, int>, uint32_t>;
  const std::pair multicast(v1::TRANSPORT_MULTICAST, v1::UNICAST_REASON_UNSPECIFIED);
  const Joined one = Join(), other = Join();
  const auto granted = Subscribe(one, "all");
  ASSERT_TRUE(granted.ok()) << granted.status();
  v1::SubscribeRequest told;
  told.set_dataset("all");
  told.set_transport(v1::TRANSPORT_UNICAST);
  ASSERT_TRUE(Call<v1::AuthorizationService>(other.channel, &v1::AuthorizationService::Stub::Subscribe, told).ok());
  const std::pair chosen(v1::TRANSPORT_UNICAST, v1::UNICAST_REASON_CHOSEN);
  EXPECT_EQ(counts(), (Counts{{multicast, 1}, {chosen, 1}}));
  v1::ReportRequest report;
  report.set_stream_id(granted->grant().stream_id());
  report.mutable_report()->set_transport(v1::TRANSPORT_UNICAST);
  report.mutable_report()->set_unicast_reason(v1::UNICAST_REASON_SILENCE);
  ASSERT_TRUE(Call<v1::RateService>(one.channel, &v1::RateService::Stub::Report, report).ok());
  const std::pair silence(v1::TRANSPORT_UNICAST, v1::UNICAST_REASON_SILENCE);
  EXPECT_EQ(counts(), (Counts{{silence, 1}, {chosen, 1}}));
  // Of a later version, or nonsense.
  report.mutable_report()->set_unicast_reason(static_cast<v1::UnicastReason>(77));
  ASSERT_TRUE(Call<v1::RateService>(one.channel, &v1::RateService::Stub::Report, report).ok());
  EXPECT_EQ(counts(), (Counts{{{v1::TRANSPORT_UNICAST, v1::UNICAST_REASON_UNSPECIFIED}, 1}, {chosen, 1}}));
  report.mutable_report()->set_transport(static_cast<v1::Transport>(77));
  ASSERT_TRUE(Call<v1::RateService>(one.channel, &v1::RateService::Stub::Report, report).ok());
  EXPECT_EQ(counts().size(), 2u);
  ASSERT_TRUE(Subscribe(other, "all").ok());
  ASSERT_TRUE(Subscribe(one, "all").ok());
  EXPECT_EQ(counts(), (Counts{{multicast, 2}})) << "a grant anew, until it reports otherwise";
}

TEST_F(ControlServerTest, StatusTellsWhatWaitsForMembersThatAreAway) {
  const Joined joined = Join();
  const auto status = [&] {
    return *Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest());
  };
  const auto subscribed = Subscribe(joined, "all");
  v1::ReportRequest report;
  report.set_stream_id(subscribed->grant().stream_id());
  *report.mutable_report()->mutable_position() = ToProto(PositionOf(all_, Lsn::Of(3, 0)));
  ASSERT_TRUE(Call<v1::RateService>(joined.channel, &v1::RateService::Stub::Report, report).ok());
  EXPECT_EQ(status().absent_members_size(), 0) << "it is here";
  v1::UnsubscribeRequest leave;
  leave.set_dataset("all");
  ASSERT_TRUE(Call<v1::AuthorizationService>(joined.channel, &v1::AuthorizationService::Stub::Unsubscribe, leave).ok());
  OnLoop([&] { publisher_->kept = Publisher::Kept{1000, 500}; });
  const v1::GetStatusResponse away = status();
  ASSERT_EQ(away.absent_members_size(), 1);
  const v1::AbsentMember& absent = away.absent_members(0);
  EXPECT_EQ(absent.member_id(), joined.id.ToBytes());
  EXPECT_EQ(absent.datasets(0), "all");
  EXPECT_EQ(absent.position().lsn(), Lsn::Of(3, 0).value);
  EXPECT_TRUE(absent.units_kept());
  EXPECT_EQ(absent.bytes_left(), 500u);
  EXPECT_TRUE(absent.has_time_left());
  OnLoop([&] { publisher_->kept.reset(); });
  EXPECT_FALSE(status().absent_members(0).units_kept());
  ASSERT_TRUE(Revoke(joined.id).ok());
  EXPECT_EQ(status().absent_member_count(), 0u) << "nobody waits for it any more";
}

class RelayedMembersTest : public ControlServerTest {
 protected:
  Joined JoinRelay(const std::string& dataset) {
    v1::CreateTokenRequest request;
    request.add_datasets(dataset);
    request.set_relay(true);
    const auto made = Call<v1::AdminService>(admin_.channel, &v1::AdminService::Stub::CreateToken, request);
    EXPECT_TRUE(made.ok()) << made.status();
    Joined relay;
    const auto enrolled = Enroll(*wire::TokenFromText(made->token()), &relay);
    EXPECT_TRUE(enrolled.ok()) << enrolled.status();
    relay.id = *MemberId::FromBytes(enrolled->member_id());
    relay.credentials.certificate_pem = crypto::DerToPem(enrolled->certificate());
    Connect(&relay);
    return relay;
  }
  absl::StatusOr<v1::MemberRights> Ask(const Joined& relay, const MemberId& member, const std::string& dataset) {
    v1::AuthorizeRequest request;
    request.add_questions()->set_member_id(member.ToBytes());
    request.mutable_questions(0)->set_dataset(dataset);
    const auto answer =
        Call<v1::AuthorizationService>(relay.channel, &v1::AuthorizationService::Stub::Authorize, request);
    if (!answer.ok()) return answer.status();
    return answer->rights(0);
  }
};

TEST_F(RelayedMembersTest, ARelayIsToldWhatItsMembersMayAndGetsTheirGrants) {
  const Joined relay = JoinRelay("all"), member = Join("all"), other = Join("other");
  const auto rights = Ask(relay, member.id, "all");
  ASSERT_TRUE(rights.ok()) << rights.status();
  EXPECT_EQ(rights->refusal(), "");
  EXPECT_EQ(rights->x25519_public_key(), member.x25519.public_key);
  EXPECT_EQ(rights->datasets_size(), 1);
  EXPECT_GT(rights->lease_expires_at().seconds(), absl::ToUnixSeconds(clock_.Wall()));
  const auto grant = wire::OpenGrant(rights->signed_grant(), wire::Verifier(signing_.public_key));
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ(grant->member_id(), member.id.ToBytes());
  EXPECT_EQ(grant->definition_hash(), all_.ToBytes());
  EXPECT_EQ(Ask(relay, other.id, "all")->refusal_reason(), "DATASET_NOT_GRANTED") << "the member may not";
  EXPECT_EQ(Ask(relay, other.id, "other")->refusal_reason(), "DATASET_NOT_GRANTED") << "the relay may not";
  EXPECT_EQ(Ask(relay, other.id, "")->datasets_size(), 0) << "of no concern to this relay";
  EXPECT_EQ(Ask(relay, MemberId(), "all")->refusal_reason(), "MEMBER_UNKNOWN");
  ASSERT_TRUE(Revoke(member.id).ok());
  EXPECT_EQ(Ask(relay, member.id, "all")->refusal_reason(), "MEMBER_REVOKED");
}

TEST_F(RelayedMembersTest, NobodyElseMayAsk) {
  const Joined member = Join("all");
  EXPECT_EQ(ReasonOf(Ask(member, member.id, "all").status()), "RELAY_REQUIRED");
  EXPECT_EQ(ReasonOf(Ask(admin_, member.id, "all").status()), "RELAY_REQUIRED");
}

TEST_F(RelayedMembersTest, ARelayLetsMembersInToWhatItMayRead) {
  const Joined relay = JoinRelay("all");
  v1::CreateTokenRequest request;
  request.add_datasets("other");
  EXPECT_EQ(ReasonOf(Call<v1::AdminService>(relay.channel, &v1::AdminService::Stub::CreateToken, request).status()),
            "DATASET_NOT_GRANTED");
  request.set_datasets(0, "all");
  const auto made = Call<v1::AdminService>(relay.channel, &v1::AdminService::Stub::CreateToken, request);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto token = wire::TokenFromText(made->token());
  v1::EnrollRequest enroll;
  enroll.set_token_id(token->id());
  enroll.set_token_secret(token->secret());
  enroll.set_certificate_request(crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "x"));
  enroll.set_x25519_public_key(crypto::GenerateX25519().public_key);
  const Joined member = Join("all");
  EXPECT_EQ(
      ReasonOf(Call<v1::RegistrationService>(member.channel, &v1::RegistrationService::Stub::Enroll, enroll).status()),
      "RELAY_REQUIRED");
  const auto enrolled = Call<v1::RegistrationService>(relay.channel, &v1::RegistrationService::Stub::Enroll, enroll);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  EXPECT_EQ(enrolled->server_id(), server_id_.ToBytes());
}

TEST_F(RelayedMembersTest, ARenewalThatARelayBringsNeedsTheMembersOwnProof) {
  const Joined relay = JoinRelay("all"), member = Join("all");
  v1::RenewRequest request;
  request.set_member_id(member.id.ToBytes());
  request.set_x25519_public_key(member.x25519.public_key);
  request.set_certificate_request(crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "x"));
  const auto renew = [&] {
    return Call<v1::RegistrationService>(relay.channel, &v1::RegistrationService::Stub::Renew, request);
  };
  request.set_proof(crypto::SignEcdsa(relay.credentials.key_pem, wire::RenewalToProve(request)));
  EXPECT_EQ(ReasonOf(renew().status()), "SIGNATURE_INVALID");
  request.set_proof(crypto::SignEcdsa(member.credentials.key_pem, wire::RenewalToProve(request)));
  const auto renewed = renew();
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(crypto::ReadCertificate(renewed->certificate())->common_name, member.id.ToHex());
}

TEST_F(RelayedMembersTest, ARevocationIsToldToTheServersBelow) {
  const Joined member = Join("all");
  ASSERT_TRUE(Revoke(member.id).ok());
  OnLoop([&] {
    ASSERT_EQ(multicaster_.notices.size(), 1u);
    v1::SignedNotice notice;
    ASSERT_TRUE(notice.ParseFromString(multicaster_.notices[0]));
    const auto statement = wire::OpenNotice(notice, wire::Verifier(signing_.public_key));
    ASSERT_TRUE(statement.ok()) << statement.status();
    EXPECT_EQ(statement->revoked_member_id(), member.id.ToBytes());
  });
}

}  // namespace
}  // namespace replicast::control
