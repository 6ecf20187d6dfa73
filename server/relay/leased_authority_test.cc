#include "server/relay/leased_authority.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/base/numbered.h"
#include "common/base/temporary_folder.h"
#include "common/wire/signed_statements.h"
#include "common/wire/token.h"

namespace replicast::relay {
namespace {

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* out) { out->set_seconds(absl::ToUnixSeconds(time)); }

// Answers what it is told to, when it is told to.
class FakeUpstream : public UpstreamCalls {
 public:
  void Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) override {
    asked.push_back(request);
    waiting = std::move(answer);
  }
  void Compare(const v1::CompareRequest&, Answer<v1::CompareResponse>) override {}
  void CreateToken(const v1::CreateTokenRequest&, Answer<v1::CreateTokenResponse> answer) override { answer(token); }
  void WaitForPosition(const v1::WaitForPositionRequest&, Answer<v1::WaitForPositionResponse>) override {}
  void Enroll(const v1::EnrollRequest&, Answer<v1::EnrollResponse> answer) override { answer(v1::EnrollResponse()); }
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse>) override { renewed = request; }

  std::vector<v1::AuthorizeRequest> asked;
  Answer<v1::AuthorizeResponse> waiting;
  v1::CreateTokenResponse token;
  v1::RenewRequest renewed;
};

// Of a relay that follows nothing.
struct NoChannel : ControlChannel {
  void Subscribe(const v1::SubscribeRequest&, Answer<v1::SubscribeResponse>) override {}
  void GetKeys(const v1::GetKeysRequest&, Answer<v1::GetKeysResponse>) override {}
  void Report(const v1::ReportRequest&, Answer<v1::ReportResponse>) override {}
  void Repair(const v1::RepairRequest&, Answer<v1::RepairResponse>) override {}
  void Renew(const v1::RenewRequest&, Answer<v1::RenewResponse>) override {}
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest&, std::function<void(v1::CatchUpResponse)>,
                                  std::function<void(absl::Status)>) override {
    return nullptr;
  }
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest&, std::function<void(v1::SnapshotResponse)>,
                                   std::function<void(absl::Status)>) override {
    return nullptr;
  }
};

struct Inline : Executor {
  void Post(std::function<void()> work) override { work(); }
};

struct NoListener : UnitListener {
  void OnUnitPart(const DefinitionHash&, const v1::UnitHeader&, const wire::EncodedPart&) override {}
  void OnStreamReady(const StreamInfo&) override {}
  void OnStreamStopped(const StreamInfo&) override {}
};

class LeasedAuthorityTest : public testing::Test {
 protected:
  LeasedAuthorityTest() {
    EXPECT_TRUE(state_->Execute("PRAGMA journal_mode=WAL").ok());
    audit_ = *AuditLog::Open(temporary_.path() + "/audit.log", clock_);
    membership_ =
        *Membership::Open(*state_, Numbered<ServerId>(1), CertificateAuthority("", ""), *audit_, clock_, random_);
    const RelayPublisher::Upstream upstream{loop_, {&channel_}, rotating_, {"upstream:1"}, Numbered<MemberId>(9),
                                            {},    "",          ""};
    publisher_ = *RelayPublisher::Start(*log_, upstream, {}, {}, clock_, random_, listener_, {});
    Open();
  }
  void Open() {
    authority_ =
        *LeasedAuthority::Open({*state_, *membership_, *publisher_, upstream_, clock_,
                                [this](const MemberId& member) { revoked_.push_back(member); },
                                [this](const MemberId& member, const absl::Status&) { cut_off_.push_back(member); }});
    authority_->SetOnChanged([this] { ++changes_; });
  }
  v1::MemberRights RightsOf(const MemberId& member) {
    v1::MemberRights rights;
    rights.set_member_id(member.ToBytes());
    rights.set_role("member");
    rights.add_datasets("all");
    SetTimestamp(clock_.Wall() + limits::kLease, rights.mutable_lease_expires_at());
    SetTimestamp(clock_.Wall() + absl::Hours(1000), rights.mutable_certificate_expires_at());
    return rights;
  }
  void Answer(const std::vector<v1::MemberRights>& all) {
    v1::AuthorizeResponse response;
    for (const v1::MemberRights& rights : all) *response.add_rights() = rights;
    std::exchange(upstream_.waiting, {})(response);
  }
  void Refuse(const std::string& reason) { Refuse(reason, member_); }
  void Refuse(const std::string& reason, const MemberId& member) {
    v1::MemberRights rights;
    rights.set_member_id(member.ToBytes());
    rights.set_refusal("because");
    rights.set_refusal_reason(reason);
    Answer({rights});
  }
  // A relay that asks this one, and may.
  Member RelayBelow() {
    const MemberId id = Numbered<MemberId>(6);
    authority_->Authenticate(id, kRelayRole).IgnoreError();
    v1::MemberRights rights = RightsOf(id);
    rights.set_role(kRelayRole);
    Answer({rights});
    const absl::StatusOr<Member> relay = authority_->Authenticate(id, kRelayRole);
    EXPECT_TRUE(relay.ok()) << relay.status();
    return relay.value_or(Member());
  }
  std::string Who() { return ReasonOf(authority_->Authenticate(member_, "member").status()); }

  const TemporaryFolder temporary_;
  ManualClock clock_;
  SeededRandom random_{1};
  Inline loop_;
  NoListener listener_;
  NoChannel channel_;
  FakeUpstream upstream_;
  RotatingCalls rotating_{{&upstream_}};
  std::unique_ptr<sqlite::Database> state_ = *sqlite::Database::Open(temporary_.path() + "/state.db", {.create = true});
  std::unique_ptr<sqlite::Database> log_ = *sqlite::Database::Open(":memory:", {.create = true});
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<RelayPublisher> publisher_;
  std::unique_ptr<LeasedAuthority> authority_;
  const MemberId member_ = Numbered<MemberId>(5);
  std::vector<MemberId> revoked_, cut_off_;
  int changes_ = 0;
};

TEST_F(LeasedAuthorityTest, AQuestionThatIsLostIsAskedAgainAndTheFirstAnswerCounts) {
  EXPECT_EQ(Who(), "AUTHORIZING");
  const auto first = upstream_.waiting;
  clock_.Advance(Question::kFirst);
  authority_->Step();
  ASSERT_EQ(upstream_.asked.size(), 2u);
  EXPECT_EQ(upstream_.asked[1].SerializeAsString(), upstream_.asked[0].SerializeAsString());
  first(absl::DeadlineExceededError("lost"));
  EXPECT_EQ(Who(), "AUTHORIZING") << "the other one is on its way";
  Answer({RightsOf(member_)});
  EXPECT_EQ(Who(), "");
  // An answer of before, that comes late, is old news.
  v1::AuthorizeResponse old;
  old.add_rights()->set_refusal_reason("MEMBER_REVOKED");
  first(old);
  EXPECT_EQ(Who(), "");
  authority_->Step();
  EXPECT_EQ(upstream_.asked.size(), 2u);
}

TEST_F(LeasedAuthorityTest, AsksOnceAndKnowsUntilTheLeaseEnds) {
  EXPECT_EQ(Who(), "AUTHORIZING");
  EXPECT_EQ(Who(), "AUTHORIZING");
  ASSERT_EQ(upstream_.asked.size(), 1u);
  Answer({RightsOf(member_)});
  EXPECT_EQ(changes_, 1);
  const auto member = authority_->Authenticate(member_, "member");
  ASSERT_TRUE(member.ok()) << member.status();
  EXPECT_EQ(member->datasets, std::vector<std::string>{"all"});
  EXPECT_EQ(ReasonOf(authority_->Authenticate(member_, "admin").status()), "ROLE_MISMATCH");
  EXPECT_EQ(upstream_.asked.size(), 1u);
}

TEST_F(LeasedAuthorityTest, AsksAnewAtHalfOfItAndFailsClosedWhenNobodyAnswers) {
  Who();
  Answer({RightsOf(member_)});
  clock_.Advance(limits::kLease / 2 + absl::Seconds(1));
  EXPECT_EQ(Who(), "");
  ASSERT_EQ(upstream_.asked.size(), 2u);
  std::exchange(upstream_.waiting, {})(absl::UnavailableError("away"));
  EXPECT_EQ(Who(), "") << "it acts on what it was told";
  clock_.Advance(limits::kLease / 2);
  Who();
  if (upstream_.waiting) std::exchange(upstream_.waiting, {})(absl::UnavailableError("away"));
  EXPECT_EQ(Who(), "UPSTREAM_AWAY");
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Who(), "AUTHORIZING") << "it asks again";
}

TEST_F(LeasedAuthorityTest, WhatItWasToldOutlivesARestart) {
  Who();
  v1::GrantStatement statement;
  statement.set_definition_hash(Numbered<DefinitionHash>(7).ToBytes());
  SetTimestamp(clock_.Wall() + limits::kLease, statement.mutable_expires_at());
  Answer({RightsOf(member_)});
  Member member = *authority_->Authenticate(member_, "member");
  EXPECT_EQ(ReasonOf(authority_->Grant(member, "all", nullptr, Numbered<DefinitionHash>(7)).status()), "AUTHORIZING");
  v1::MemberRights rights = RightsOf(member_);
  rights.mutable_signed_grant()->set_statement(statement.SerializeAsString());
  Answer({rights});
  EXPECT_TRUE(authority_->Grant(member, "all", nullptr, Numbered<DefinitionHash>(7)).ok());
  Open();
  EXPECT_EQ(Who(), "");
  EXPECT_TRUE(authority_->Grant(member, "all", nullptr, Numbered<DefinitionHash>(7)).ok());
  EXPECT_EQ(ReasonOf(authority_->Grant(member, "all", nullptr, Numbered<DefinitionHash>(8)).status()), "AUTHORIZING")
      << "the dataset was altered";
  clock_.Advance(limits::kLease);
  EXPECT_EQ(ReasonOf(authority_->Grant(member, "all", nullptr, Numbered<DefinitionHash>(7)).status()), "AUTHORIZING");
}

TEST_F(LeasedAuthorityTest, WhatHasEndedIsForgotten) {
  Who();
  Answer({RightsOf(member_)});
  clock_.Advance(limits::kLease);
  const MemberId other = Numbered<MemberId>(6);
  EXPECT_FALSE(authority_->Authenticate(other, "member").ok());
  Answer({RightsOf(other)});
  authority_->Step();
  EXPECT_EQ(std::get<int64_t>(**state_->QueryValue("SELECT count(*) FROM relay_leases")), 1);
}

TEST_F(LeasedAuthorityTest, AMemberThatOnlyListensIsCutOffWhenItsLeaseEnds) {
  Who();
  Answer({RightsOf(member_)});
  clock_.Advance(limits::kLease - absl::Seconds(2));
  authority_->Step();
  EXPECT_TRUE(cut_off_.empty());
  clock_.Advance(absl::Seconds(2));
  authority_->Step();
  EXPECT_EQ(cut_off_, std::vector<MemberId>{member_});
  clock_.Advance(absl::Seconds(2));
  authority_->Step();
  EXPECT_EQ(cut_off_.size(), 1u);
}

TEST_F(LeasedAuthorityTest, ALeaseOfAServerWhoseClockIsWrongLastsNoLongerThanOthers) {
  Who();
  v1::MemberRights rights = RightsOf(member_);
  SetTimestamp(clock_.Wall() + absl::Hours(9), rights.mutable_lease_expires_at());
  Answer({rights});
  EXPECT_EQ(Who(), "");
  clock_.Advance(limits::kLease);
  EXPECT_EQ(Who(), "AUTHORIZING");
}

TEST_F(LeasedAuthorityTest, ARefusalThatEndsCutsNobodyOff) {
  Who();
  Refuse("MEMBER_UNKNOWN");
  clock_.Advance(absl::Seconds(6));
  authority_->Step();
  EXPECT_TRUE(cut_off_.empty());
}

TEST_F(LeasedAuthorityTest, ARevocationIsActedOnAndARefusalStandsForAMomentOnly) {
  Who();
  Answer({RightsOf(member_)});
  clock_.Advance(limits::kLease / 2 + absl::Seconds(1));
  Who();
  Refuse("MEMBER_REVOKED");
  EXPECT_EQ(revoked_, std::vector<MemberId>{member_});
  EXPECT_EQ(Who(), "MEMBER_REVOKED");
  Open();
  EXPECT_EQ(Who(), "AUTHORIZING");
  Refuse("MEMBER_UNKNOWN");
  EXPECT_EQ(Who(), "MEMBER_UNKNOWN");
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(Who(), "AUTHORIZING") << "it may have enrolled meanwhile";
}

TEST_F(LeasedAuthorityTest, WhyADatasetIsRefusedAboveIsToldForAMoment) {
  Who();
  Answer({RightsOf(member_)});
  const auto member = authority_->Authenticate(member_, "member");
  ASSERT_TRUE(member.ok()) << member.status();
  const auto grant = [&] { return authority_->Grant(*member, "all", nullptr, DefinitionHash()).status(); };
  EXPECT_EQ(ReasonOf(grant()), "AUTHORIZING");
  Refuse("DATASET_NOT_GRANTED");
  EXPECT_EQ(ReasonOf(grant()), "DATASET_NOT_GRANTED");
  EXPECT_EQ(grant().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Who(), "") << "it is a member still";
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(ReasonOf(grant()), "AUTHORIZING");
  Refuse("DATASET_UNKNOWN");
  EXPECT_EQ(grant().code(), absl::StatusCode::kNotFound);
  clock_.Advance(absl::Seconds(6));
  grant().IgnoreError();
  Refuse("FILTER_INVALID");
  EXPECT_EQ(grant().code(), absl::StatusCode::kFailedPrecondition) << "others may be right later";
}

TEST_F(LeasedAuthorityTest, APauseIsWhatTheServerAboveSaysAndANoticeMakesItAskAgain) {
  Who();
  Answer({RightsOf(member_)});
  EXPECT_FALSE(authority_->PausedUntil(member_).has_value());
  authority_->OnMemberChanged(member_);
  EXPECT_EQ(Who(), "AUTHORIZING");
  v1::MemberRights rights = RightsOf(member_);
  SetTimestamp(clock_.Wall() + absl::Minutes(1), rights.mutable_pause()->mutable_until());
  Answer({rights});
  EXPECT_EQ(Who(), "");
  EXPECT_EQ(authority_->PausedUntil(member_), clock_.Wall() + absl::Minutes(1));
  clock_.Advance(absl::Minutes(1));
  EXPECT_FALSE(authority_->PausedUntil(member_).has_value());
}

TEST_F(LeasedAuthorityTest, AServerAboveThatIsAwayWhenANoticeCameCostsNobodyItsLease) {
  Who();
  Answer({RightsOf(member_)});
  authority_->OnMemberChanged(member_);
  Who();
  std::exchange(upstream_.waiting, {})(absl::UnavailableError("away"));
  EXPECT_EQ(Who(), "");
}

TEST_F(LeasedAuthorityTest, ARelayBelowIsToldOnlyOfWhatItMayRead) {
  v1::AuthorizeRequest request;
  for (const char* dataset : {"all", "other"}) {
    v1::MemberQuestion* question = request.add_questions();
    question->set_member_id(member_.ToBytes());
    question->set_dataset(dataset);
  }
  absl::StatusOr<v1::AuthorizeResponse> told;
  authority_->Authorize(RelayBelow(), request,
                        [&](absl::StatusOr<v1::AuthorizeResponse> answer) { told = std::move(answer); });
  v1::MemberRights rights = RightsOf(member_);
  rights.add_datasets("other");
  Answer({rights, rights});
  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_EQ(told->rights(0).datasets_size(), 1);
  EXPECT_EQ(told->rights(0).datasets(0), "all");
  EXPECT_EQ(told->rights(1).refusal_reason(), "DATASET_NOT_GRANTED");
}

TEST_F(LeasedAuthorityTest, ARelayThatIsRevokedWhileTheServerAboveIsAskedForItIsToldNothing) {
  const Member relay = RelayBelow();
  v1::AuthorizeRequest request;
  request.add_questions()->set_member_id(member_.ToBytes());
  absl::StatusOr<v1::AuthorizeResponse> told;
  authority_->Authorize(relay, request,
                        [&](absl::StatusOr<v1::AuthorizeResponse> answer) { told = std::move(answer); });
  const auto answer = std::exchange(upstream_.waiting, {});
  clock_.Advance(limits::kLease / 2 + absl::Seconds(1));
  authority_->Authenticate(relay.id, kRelayRole).IgnoreError();
  Refuse("MEMBER_REVOKED", relay.id);
  v1::AuthorizeResponse rights;
  *rights.add_rights() = RightsOf(member_);
  answer(rights);
  EXPECT_EQ(ReasonOf(told.status()), "MEMBER_REVOKED");
}

TEST_F(LeasedAuthorityTest, ATokenIsMadeAboveAndNamesThisRelayOnly) {
  v1::JoinToken token;
  token.add_enrolment_addresses("above:1");
  token.add_member_addresses("above:2");
  token.set_id(std::string(16, 'i'));
  token.set_secret(std::string(32, 's'));
  token.set_ca_certificate("ca");
  upstream_.token.set_token(wire::TokenToText(token));
  SetTimestamp(clock_.Wall() + absl::Hours(1), upstream_.token.mutable_expires_at());
  Member admin;
  admin.role = kAdminRole;
  absl::StatusOr<Authority::Token> made;
  authority_->CreateToken(admin, v1::CreateTokenRequest(),
                          [&](absl::StatusOr<Authority::Token> got) { made = std::move(got); });
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->token.enrolment_addresses_size() + made->token.member_addresses_size(), 0);
  EXPECT_EQ(made->token.secret(), token.secret());
  EXPECT_GT(authority_->open_until(), clock_.Wall());
  Open();
  EXPECT_GT(authority_->open_until(), clock_.Wall()) << "also after a restart";
}

TEST_F(LeasedAuthorityTest, ARenewalIsBroughtUpstreamInTheMembersName) {
  Member member;
  member.id = member_;
  authority_->Renew(member, v1::RenewRequest(), [](const absl::StatusOr<v1::RenewResponse>&) {});
  EXPECT_EQ(upstream_.renewed.member_id(), member_.ToBytes());
}

TEST_F(LeasedAuthorityTest, ARelayPointedAtItselfIsTold) {
  EXPECT_EQ(ReasonOf(authority_->Authenticate(Numbered<MemberId>(9), "relay").status()), "LOOP");
  EXPECT_TRUE(upstream_.asked.empty());
}

// The relay below is not known yet, since whoever could tell of it waits for this relay in turn.
TEST_F(LeasedAuthorityTest, RelaysInACircleDoNotWaitForEachOther) {
  v1::AuthorizeRequest request;
  request.add_questions()->set_member_id(member_.ToBytes());
  EXPECT_TRUE(authority_->CheckQuestions(request).ok());
  ASSERT_EQ(upstream_.asked.size(), 1u);
  EXPECT_EQ(upstream_.asked[0].questions(0).member_id(), member_.ToBytes()) << "it is asked on";
  request.mutable_questions(0)->set_member_id(Numbered<MemberId>(9).ToBytes());
  EXPECT_EQ(ReasonOf(authority_->CheckQuestions(request)), "LOOP") << "and comes back to where it began";
}

TEST_F(LeasedAuthorityTest, WhatLeadsBackToARelayAboveIsToldToThoseBelow) {
  EXPECT_EQ(Who(), "AUTHORIZING");
  upstream_.waiting(Error(absl::StatusCode::kFailedPrecondition, "LOOP", "in a circle"));
  EXPECT_EQ(Who(), "LOOP");
}

}  // namespace
}  // namespace replicast::relay
