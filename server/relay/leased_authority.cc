#include "server/relay/leased_authority.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/wire/token.h"

namespace replicast::relay {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE IF NOT EXISTS relay_leases(
  member BLOB PRIMARY KEY,
  rights BLOB NOT NULL,
  expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS relay_grants(
  member BLOB NOT NULL,
  question BLOB NOT NULL,          -- a MemberQuestion without its member
  signed_grant BLOB NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY(member, question)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS relay_tokens(expires_at_ms INTEGER NOT NULL);
)sql";
constexpr absl::Duration kAskAgain = absl::Seconds(1);
// How long a refusal stands: a member that is enrolled elsewhere in this moment is known soon.
constexpr absl::Duration kRefusalStands = absl::Seconds(5);
constexpr size_t kMostQuestions = 1000;
constexpr absl::Duration kLookForEnded = absl::Seconds(1);

absl::Time FromTimestamp(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string KeyOf(v1::MemberQuestion question) {
  question.clear_member_id();
  return question.SerializeAsString();
}

v1::MemberQuestion QuestionOf(const MemberId& member, const std::string& dataset, const v1::Definition* narrowing) {
  v1::MemberQuestion question;
  question.set_member_id(member.ToBytes());
  question.set_dataset(dataset);
  if (narrowing != nullptr) *question.mutable_narrowing() = *narrowing;
  return question;
}

absl::Status Authorizing() {
  return Error(absl::StatusCode::kUnavailable, "AUTHORIZING",
               "the server above this relay is being asked: try again in a moment");
}

absl::Status Loop() {
  return Error(absl::StatusCode::kFailedPrecondition, "LOOP",
               "the servers above this relay lead back to it: give one of them another server above it");
}

absl::Status UpstreamAway(const std::string& why) {
  return Error(absl::StatusCode::kUnavailable, "UPSTREAM_AWAY",
               "the server above this relay can't be asked now" + why + ": try again later");
}

absl::Status Refused(const v1::MemberRights& rights) {
  const std::string& reason = rights.refusal_reason();
  const bool unknown = reason == "MEMBER_UNKNOWN" || reason == "DATASET_UNKNOWN";
  const bool denied = reason == "MEMBER_REVOKED" || reason == "DATASET_NOT_GRANTED";
  const absl::StatusCode code = unknown  ? absl::StatusCode::kNotFound
                                : denied ? absl::StatusCode::kPermissionDenied
                                         : absl::StatusCode::kFailedPrecondition;
  return Error(code, reason, rights.refusal());
}

}  // namespace

absl::StatusOr<std::unique_ptr<LeasedAuthority>> LeasedAuthority::Open(Parts parts) {
  std::unique_ptr<LeasedAuthority> authority(new LeasedAuthority(std::move(parts)));
  RETURN_IF_ERROR(authority->Load());
  return authority;
}

absl::Status LeasedAuthority::Load() {
  RETURN_IF_ERROR(parts_.state.Execute(kTables));
  ASSIGN_OR_RETURN(sqlite::Statement leases, parts_.state.Prepare("SELECT member, rights FROM relay_leases"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, leases.Step());
    if (!found) break;
    const auto member = MemberId::FromBytes(leases.Bytes(0));
    v1::MemberRights rights;
    if (!member || !rights.ParseFromString(leases.Bytes(1))) continue;
    leases_[*member] = LeaseOf(rights, FromTimestamp(rights.lease_expires_at()));
  }
  ASSIGN_OR_RETURN(sqlite::Statement grants,
                   parts_.state.Prepare("SELECT member, question, signed_grant FROM relay_grants"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, grants.Step());
    if (!found) break;
    const auto member = MemberId::FromBytes(grants.Bytes(0));
    Granted granted;
    v1::GrantStatement statement;
    if (!member || !granted.grant.ParseFromString(grants.Bytes(2)) ||
        !statement.ParseFromString(granted.grant.statement()))
      continue;
    granted.definition_hash = statement.definition_hash();
    granted.expires_at = FromTimestamp(statement.expires_at());
    grants_[{*member, grants.Bytes(1)}] = std::move(granted);
  }
  ASSIGN_OR_RETURN(const auto open, parts_.state.QueryValue("SELECT max(expires_at_ms) FROM relay_tokens"));
  if (open && std::holds_alternative<int64_t>(*open)) open_until_ = absl::FromUnixMillis(std::get<int64_t>(*open));
  return absl::OkStatus();
}

LeasedAuthority::Lease LeasedAuthority::LeaseOf(const v1::MemberRights& rights, absl::Time expires_at) const {
  return {rights, expires_at, parts_.clock.Now() + std::min(expires_at - parts_.clock.Wall(), limits::kLease)};
}

bool LeasedAuthority::Ended(const Lease& lease) const {
  return lease.expires_at <= parts_.clock.Wall() || lease.ends_at <= parts_.clock.Now();
}

absl::StatusOr<Member> LeasedAuthority::MemberOf(const MemberId& id, const Lease& lease,
                                                 const std::string& role) const {
  const v1::MemberRights& rights = lease.rights;
  if (!rights.refusal().empty()) return Refused(rights);
  if (rights.role() != role) {
    return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISMATCH",
                 "the certificate's role is not the member's: enrol anew");
  }
  Member member;
  member.id = id;
  member.display_name = rights.display_name();
  member.role = rights.role();
  member.x25519_public_key = rights.x25519_public_key();
  member.certificate_expires_at = FromTimestamp(rights.certificate_expires_at());
  member.datasets.assign(rights.datasets().begin(), rights.datasets().end());
  return member;
}

absl::StatusOr<Member> LeasedAuthority::Authenticate(const MemberId& id, const std::string& role) {
  if (id == parts_.publisher.self()) return Loop();
  const absl::Time now = parts_.clock.Wall();
  const auto found = leases_.find(id);
  if (found == leases_.end() || Ended(found->second)) {
    Ask(QuestionOf(id, "", nullptr));
    return Asking();
  }
  if (found->second.changed && parts_.clock.Now() >= not_before_) {
    Ask(QuestionOf(id, "", nullptr));
    return Asking();
  }
  if (std::min(found->second.expires_at - now, found->second.ends_at - parts_.clock.Now()) < limits::kLease / 2)
    Ask(QuestionOf(id, "", nullptr));
  absl::StatusOr<Member> member = MemberOf(id, found->second, role);
  if (member.ok()) parts_.membership.activity(id).last_seen = now;
  return member;
}

void LeasedAuthority::OnMemberChanged(const MemberId& member) {
  if (const auto found = leases_.find(member); found != leases_.end()) found->second.changed = true;
}

std::optional<absl::Time> LeasedAuthority::PausedUntil(const MemberId& member) const {
  const auto found = leases_.find(member);
  if (found == leases_.end() || !found->second.rights.has_pause()) return std::nullopt;
  const v1::Pause& pause = found->second.rights.pause();
  const absl::Time until = pause.has_until() ? FromTimestamp(pause.until()) : absl::InfiniteFuture();
  return until > parts_.clock.Wall() ? std::optional(until) : std::nullopt;
}

absl::StatusOr<v1::SignedGrant> LeasedAuthority::Grant(const Member& member, const std::string& dataset,
                                                       const v1::Definition* narrowing,
                                                       const DefinitionHash& definition) {
  v1::MemberQuestion question = QuestionOf(member.id, dataset, narrowing);
  const absl::Time now = parts_.clock.Wall();
  const GrantKey key{member.id, KeyOf(question)};
  if (const auto refused = refusals_.find(key); refused != refusals_.end()) {
    if (parts_.clock.Now() < refused->second.stands_until) return refused->second.why;
    refusals_.erase(refused);
  }
  const auto found = grants_.find(key);
  if (found == grants_.end() || found->second.expires_at <= now || found->second.definition_hash != definition.view()) {
    Ask(std::move(question));
    return Asking();
  }
  if (found->second.expires_at - now < limits::kLease / 2) Ask(std::move(question));
  return found->second.grant;
}

absl::Status LeasedAuthority::Asking() {
  if (parts_.clock.Now() >= not_before_) return Authorizing();
  if (!loop_.ok()) return loop_;
  const absl::Time heard = parts_.publisher.last_read();
  if (heard == absl::InfinitePast()) return UpstreamAway("");
  return UpstreamAway(" (what is told here is " + HumanSeconds(absl::ToDoubleSeconds(parts_.clock.Now() - heard)) +
                      " old)");
}

void LeasedAuthority::Ask(v1::MemberQuestion question) {
  std::string key = question.SerializeAsString();
  if (asked_.contains(key) || questions_.size() >= kMostQuestions) return;
  questions_[std::move(key)] = std::move(question);
  SendQuestions();
}

void LeasedAuthority::SendQuestions() {
  if (asking_.open() || questions_.empty() || parts_.clock.Now() < not_before_) return;
  asked_ = std::exchange(questions_, {});
  Send(asking_.Begin(parts_.clock.Now()));
}

void LeasedAuthority::Send(uint64_t call) {
  v1::AuthorizeRequest request;
  for (const auto& [key, question] : asked_) *request.add_questions() = question;
  parts_.upstream.Authorize(request, WhileAlive<v1::AuthorizeResponse>([this, call, request](auto answer) {
                              if (asking_.Takes(call, answer.ok())) TakeAnswer(request, std::move(answer));
                            }));
}

void LeasedAuthority::TakeAnswer(const v1::AuthorizeRequest& asked, absl::StatusOr<v1::AuthorizeResponse> answer) {
  asked_.clear();
  if (answer.ok() && answer->rights_size() != asked.questions_size())
    answer = absl::InternalError("the server above answered other questions");
  if (answer.ok()) {
    for (int i = 0; i < asked.questions_size(); ++i) {
      if (const absl::Status taken = TakeRights(asked.questions(i), answer->rights(i)); !taken.ok())
        spdlog::warn("what the server above says of a member could not be kept: {}", std::string(taken.message()));
    }
  } else {
    not_before_ = parts_.clock.Now() + kAskAgain;
    loop_ = ReasonOf(answer.status()) == "LOOP" ? answer.status() : absl::OkStatus();
    spdlog::debug("the server above can't be asked: {}", std::string(answer.status().message()));
  }
  Changed();
  SendQuestions();
}

absl::Status LeasedAuthority::TakeRights(const v1::MemberQuestion& question, const v1::MemberRights& rights) {
  const auto id = MemberId::FromBytes(question.member_id());
  if (!id) return absl::OkStatus();
  // A dataset may be refused to a member that is one.
  const bool is_member = rights.refusal().empty() ||
                         (rights.refusal_reason() != "MEMBER_REVOKED" && rights.refusal_reason() != "MEMBER_UNKNOWN");
  const std::string key = KeyOf(question);
  if (!rights.refusal().empty() && is_member) {
    grants_.erase({*id, key});
    if (!question.dataset().empty() && refusals_.size() < kMostQuestions)
      refusals_[{*id, key}] = {Refused(rights), parts_.clock.Now() + kRefusalStands};
    return absl::OkStatus();
  }
  Lease lease =
      LeaseOf(rights, is_member ? FromTimestamp(rights.lease_expires_at()) : parts_.clock.Wall() + kRefusalStands);
  const v1::SignedGrant grant = rights.signed_grant();
  lease.rights.clear_signed_grant();
  leases_[*id] = lease;
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(parts_.state));
  if (!is_member) {
    for (const char* sql : {"DELETE FROM relay_leases WHERE member = ?", "DELETE FROM relay_grants WHERE member = ?"}) {
      ASSIGN_OR_RETURN(sqlite::Statement remove, parts_.state.Prepare(sql));
      RETURN_IF_ERROR(remove.BindBlob(1, id->view()).Run());
    }
    RETURN_IF_ERROR(transaction.Commit());
    std::erase_if(grants_, [&](const auto& each) { return each.first.first == *id; });
    if (rights.refusal_reason() == "MEMBER_REVOKED" && parts_.membership.members().Get(*id).ok())
      parts_.on_revoked(*id);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Member member, MemberOf(*id, lease, rights.role()));
  RETURN_IF_ERROR(parts_.membership.Adopt(member));
  ASSIGN_OR_RETURN(sqlite::Statement put, parts_.state.Prepare("INSERT OR REPLACE INTO relay_leases VALUES(?, ?, ?)"));
  put.BindBlob(1, id->view()).BindBlob(2, lease.rights.SerializeAsString());
  RETURN_IF_ERROR(put.BindInt(3, absl::ToUnixMillis(lease.expires_at)).Run());
  if (grant.statement().empty()) return transaction.Commit();
  v1::GrantStatement statement;
  if (grant.statement().empty() || !statement.ParseFromString(grant.statement())) return transaction.Commit();
  const Granted granted{grant, statement.definition_hash(), FromTimestamp(statement.expires_at())};
  ASSIGN_OR_RETURN(sqlite::Statement keep,
                   parts_.state.Prepare("INSERT OR REPLACE INTO relay_grants VALUES(?, ?, ?, ?)"));
  keep.BindBlob(1, id->view()).BindBlob(2, key).BindBlob(3, grant.SerializeAsString());
  RETURN_IF_ERROR(keep.BindInt(4, absl::ToUnixMillis(granted.expires_at)).Run());
  grants_[{*id, key}] = granted;
  return transaction.Commit();
}

absl::Time LeasedAuthority::Step() {
  const absl::Time now = parts_.clock.Now();
  if (now >= asking_.RepeatAt()) Send(asking_.Repeat(now));
  if (now < next_step_) return std::min(next_step_, asking_.RepeatAt());
  next_step_ = now + kLookForEnded;
  if (const absl::Status ended = EndLeases(); !ended.ok())
    spdlog::warn("leases that ended could not be forgotten: {}", std::string(ended.message()));
  return std::min(next_step_, asking_.RepeatAt());
}

absl::Status LeasedAuthority::EndLeases() {
  const absl::Time now = parts_.clock.Wall();
  std::vector<MemberId> ended;
  for (const auto& [member, lease] : leases_) {
    if (Ended(lease)) ended.push_back(member);
  }
  std::erase_if(refusals_, [at = parts_.clock.Now()](const auto& each) { return each.second.stands_until <= at; });
  const size_t grants = std::erase_if(grants_, [now](const auto& each) { return each.second.expires_at <= now; });
  for (const MemberId& member : ended) {
    const bool held = leases_.at(member).rights.refusal().empty();
    leases_.erase(member);
    // Also one that only listens, and asks for nothing.
    if (held) parts_.on_lease_ended(member, Asking());
  }
  if (ended.empty() && grants == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(parts_.state));
  ASSIGN_OR_RETURN(sqlite::Statement remove, parts_.state.Prepare("DELETE FROM relay_leases WHERE member = ?"));
  for (const MemberId& member : ended) RETURN_IF_ERROR(remove.BindBlob(1, member.view()).Run());
  RETURN_IF_ERROR(parts_.state.Execute("DELETE FROM relay_grants WHERE expires_at_ms <= " +
                                       std::to_string(absl::ToUnixMillis(now))));
  return transaction.Commit();
}

std::vector<v1::PathServer> LeasedAuthority::PathOf(const DefinitionHash& definition) const {
  return parts_.publisher.PathOf(definition);
}

void LeasedAuthority::Enroll(const std::string&, const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) {
  parts_.upstream.Enroll(request, WhileAlive<v1::EnrollResponse>(std::move(answer)));
}

void LeasedAuthority::Renew(const Member& member, const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) {
  v1::RenewRequest brought = request;
  brought.set_member_id(member.id.ToBytes());
  parts_.upstream.Renew(brought, WhileAlive<v1::RenewResponse>(std::move(answer)));
}

void LeasedAuthority::CreateToken(const Member& by, const v1::CreateTokenRequest& request, Answer<Token> answer) {
  for (const std::string& dataset : request.datasets()) {
    if (Membership::MayRead(by, dataset)) continue;
    return answer(Error(absl::StatusCode::kPermissionDenied, "DATASET_NOT_GRANTED",
                        "whoever asks may not read dataset '" + dataset.substr(0, limits::kMaxNameBytes) + "'"));
  }
  parts_.upstream.CreateToken(
      request, WhileAlive<v1::CreateTokenResponse>([this, answer = std::move(answer)](auto response) {
        if (!response.ok()) return answer(response.status());
        absl::StatusOr<v1::JoinToken> token = wire::TokenFromText(response->token());
        if (!token.ok()) return answer(token.status());
        token->clear_enrolment_addresses();
        token->clear_member_addresses();
        const absl::Time expires_at = FromTimestamp(response->expires_at());
        open_until_ = std::max(open_until_, expires_at);
        const absl::Status kept = parts_.state.Execute("DELETE FROM relay_tokens; INSERT INTO relay_tokens VALUES(" +
                                                       std::to_string(absl::ToUnixMillis(open_until_)) + ")");
        if (!kept.ok()) return answer(kept);
        answer(Token{*std::move(token), expires_at});
      }));
}

// The relay that asks is asked about in turn; were that all, relays in a circle would wait for each other for ever. So
// what it asks is asked on at once, and comes back to where it began.
absl::Status LeasedAuthority::CheckQuestions(const v1::AuthorizeRequest& request) {
  for (const v1::MemberQuestion& question : request.questions()) {
    const auto id = MemberId::FromBytes(question.member_id());
    if (!id) continue;
    if (*id == parts_.publisher.self()) return Loop();
    if (!leases_.contains(*id)) Ask(QuestionOf(*id, "", nullptr));
  }
  return absl::OkStatus();
}

void LeasedAuthority::Authorize(const Member& relay, const v1::AuthorizeRequest& request,
                                Answer<v1::AuthorizeResponse> answer) {
  parts_.upstream.Authorize(
      request, WhileAlive<v1::AuthorizeResponse>([this, relay, request, answer = std::move(answer)](auto response) {
        // It may have been revoked meanwhile.
        const auto asker = leases_.find(relay.id);
        if (asker == leases_.end()) return answer(Authorizing());
        if (!asker->second.rights.refusal().empty()) return answer(Refused(asker->second.rights));
        if (!response.ok()) return answer(response.status());
        for (int i = 0; i < std::min(response->rights_size(), request.questions_size()); ++i) {
          v1::MemberRights& rights = *response->mutable_rights(i);
          const std::string& dataset = request.questions(i).dataset();
          if (!dataset.empty() && !Membership::MayRead(relay, dataset)) {
            const std::string id = rights.member_id();
            rights.Clear();
            rights.set_member_id(id);
            rights.set_refusal("the relay that it asked may not read dataset '" +
                               dataset.substr(0, limits::kMaxNameBytes) + "'");
            rights.set_refusal_reason("DATASET_NOT_GRANTED");
            continue;
          }
          std::vector<std::string> datasets;
          for (const std::string& each : rights.datasets()) {
            if (Membership::MayRead(relay, each)) datasets.push_back(each);
          }
          rights.mutable_datasets()->Assign(datasets.begin(), datasets.end());
        }
        answer(std::move(response));
      }));
}

absl::Status LeasedAuthority::CheckDecides() const {
  return Error(absl::StatusCode::kFailedPrecondition, "RELAY",
               "this server is a relay: rights are the master's server's to give and to take");
}

}  // namespace replicast::relay
