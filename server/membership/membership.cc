#include "server/membership/membership.h"

#include <algorithm>

#include "common/base/dataset_names.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/crypto/certificates.h"
#include "common/crypto/crypto.h"

namespace replicast {
namespace {

constexpr size_t kX25519Bytes = 32;
constexpr size_t kMaxRequestBytes = 4096;
constexpr uint32_t kMostUses = 1'000'000;
constexpr absl::Duration kRefusalPeriod = absl::Minutes(1);
constexpr int kMostRefusalsNoted = 60;
constexpr absl::Duration kLongestLifetime = absl::Hours(24 * 366);

absl::Status Malformed(const std::string& what) {
  return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", what);
}

// Hash of the key that the request proves to have.
absl::StatusOr<std::string> KeyHash(const std::string& certificate_request, const std::string& x25519_public_key) {
  if (x25519_public_key.size() != kX25519Bytes) return Malformed("x25519_public_key must have 32 bytes");
  const auto key =
      certificate_request.size() <= kMaxRequestBytes ? crypto::RequestPublicKey(certificate_request) : std::nullopt;
  if (!key)
    return Malformed(
        "certificate_request must be a PKCS #10 request (DER) for an ECDSA P-256 key, signed with that key");
  const crypto::Sha256Digest digest = crypto::Sha256(*key);
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// What people will see on their terminals: printable, bounded, never empty.
std::string CleanName(const std::string& name) {
  std::string clean;
  for (const char c : name.substr(0, limits::kMaxDisplayName)) {
    const auto byte = static_cast<unsigned char>(c);
    clean += byte >= 0x20 && byte < 0x7f ? c : '_';
  }
  return clean.empty() ? "unnamed" : clean;
}

absl::Status Revoked(const MemberId& id) {
  return Error(absl::StatusCode::kPermissionDenied, "MEMBER_REVOKED",
               "member " + id.ToHex() +
                   " is revoked: it may read nothing more; enrol anew with another token if that was not meant");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Membership>> Membership::Open(sqlite::Database& state, const ServerId& server,
                                                             CertificateAuthority authority, AuditLog& audit,
                                                             const Clock& clock, Random& random) {
  RETURN_IF_ERROR(TokenStore::Install(state));
  RETURN_IF_ERROR(MemberStore::Install(state));
  RETURN_IF_ERROR(MemberPositions::Install(state));
  RETURN_IF_ERROR(MemberPauses::Install(state));
  std::unique_ptr<Membership> membership(new Membership(state, server, std::move(authority), audit, clock, random));
  RETURN_IF_ERROR(membership->positions_.Load());
  RETURN_IF_ERROR(membership->pauses_.Load());
  RETURN_IF_ERROR(membership->RefreshOpenUntil());
  return membership;
}

Membership::Membership(sqlite::Database& state, const ServerId& server, CertificateAuthority authority, AuditLog& audit,
                       const Clock& clock, Random& random)
    : state_(state),
      server_(server),
      authority_(std::move(authority)),
      audit_(audit),
      clock_(clock),
      random_(random),
      tokens_(state),
      members_(state),
      positions_(state),
      pauses_(state) {}

absl::Status Membership::RefreshOpenUntil() {
  ASSIGN_OR_RETURN(open_until_, tokens_.OpenUntil(clock_.Wall()));
  return absl::OkStatus();
}

absl::StatusOr<TokenStore::Fresh> Membership::CreateToken(const std::string& actor,
                                                          const std::vector<std::string>& datasets, uint32_t uses,
                                                          absl::Duration lifetime, const std::string& role) {
  if (datasets.empty() || datasets.size() > limits::kMaxPageSize) return Malformed("a token names 1 to 1000 datasets");
  if (uses == 0 || uses > kMostUses) return Malformed("a token is good for 1 to 1,000,000 uses");
  if (lifetime <= absl::ZeroDuration() || lifetime > kLongestLifetime)
    return Malformed("a token expires after more than nothing and at most a year");
  ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(state_));
  ASSIGN_OR_RETURN(TokenStore::Fresh fresh, tokens_.Create({datasets, role}, uses, lifetime, clock_.Wall(), random_));
  std::string names;
  for (const std::string& dataset : datasets) names += (names.empty() ? "" : ",") + dataset;
  RETURN_IF_ERROR(audit_.Append({actor, "create_token", HexEncode(fresh.id), true,
                                 role + "; datasets " + names + "; uses " + std::to_string(uses) + "; expires " +
                                     absl::FormatTime(fresh.expires_at, absl::UTCTimeZone())}));
  RETURN_IF_ERROR(transaction.Commit());
  RETURN_IF_ERROR(RefreshOpenUntil());
  return fresh;
}

absl::StatusOr<v1::EnrollResponse> Membership::Enroll(const std::string& address, const v1::EnrollRequest& request) {
  ASSIGN_OR_RETURN(const std::string key_hash, KeyHash(request.certificate_request(), request.x25519_public_key()));
  absl::StatusOr<Member> member = Admit(address, request, key_hash);
  if (!member.ok()) {
    NoteRefusal(address, request, member.status());
    return member.status();
  }
  RETURN_IF_ERROR(RefreshOpenUntil());
  v1::EnrollResponse response;
  response.set_member_id(member->id.ToBytes());
  response.set_certificate(member->certificate);
  response.mutable_expires_at()->set_seconds(absl::ToUnixSeconds(member->certificate_expires_at));
  response.set_server_id(server_.ToBytes());
  return response;
}

// A refusal is one whether or not it can be noted; and strangers must not fill the disk with them.
void Membership::NoteRefusal(const std::string& address, const v1::EnrollRequest& request, const absl::Status& why) {
  if (clock_.Wall() - refusals_since_ > kRefusalPeriod) {
    refusals_since_ = clock_.Wall();
    refusals_ = 0;
  }
  if (++refusals_ > kMostRefusalsNoted) return;
  audit_
      .Append({address, "enroll", HexEncode(request.token_id().substr(0, TokenStore::kIdBytes)), false, ReasonOf(why)})
      .IgnoreError();
}

// One transaction from looking at the token to using it up.
absl::StatusOr<Member> Membership::Admit(const std::string& address, const v1::EnrollRequest& request,
                                         const std::string& key_hash) {
  const absl::Time now = clock_.Wall();
  ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::Begin(state_));
  ASSIGN_OR_RETURN(const TokenStore::Token token, tokens_.Find(request.token_id(), request.token_secret(), key_hash));
  if (token.used_by_this_key) {
    ASSIGN_OR_RETURN(Member known, members_.Get(*token.used_by_this_key));
    if (known.revoked) return Revoked(known.id);
    if (known.x25519_public_key != request.x25519_public_key())
      return Malformed("this key enrolled with another x25519_public_key");
    return known;
  }
  if (token.expires_at <= now) {
    return Error(absl::StatusCode::kPermissionDenied, "TOKEN_EXPIRED",
                 "the token expired at " + absl::FormatTime(absl::RFC3339_sec, token.expires_at, absl::UTCTimeZone()) +
                     ": ask for a new one (`replicast token create`)");
  }
  if (token.uses_left == 0) {
    return Error(absl::StatusCode::kPermissionDenied, "TOKEN_USED",
                 "the token is used up: ask for a new one (`replicast token create`)");
  }
  ASSIGN_OR_RETURN(const uint64_t count, members_.Count());
  if (count >= static_cast<uint64_t>(limits::kMaxMembers)) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_MEMBERS",
                 "this server has as many members as it takes");
  }
  Member member;
  member.id = random_.Identifier<MemberId>();
  member.display_name = CleanName(request.display_name());
  member.role = token.role;
  member.x25519_public_key = request.x25519_public_key();
  member.certificate_expires_at = now + limits::kMemberCertificateLifetime;
  member.datasets = token.datasets;
  member.enrolled_at = now;
  ASSIGN_OR_RETURN(member.certificate, Certify(request.certificate_request(), member, now));
  RETURN_IF_ERROR(members_.Add(member));
  RETURN_IF_ERROR(tokens_.Use(request.token_id(), key_hash, member.id));
  RETURN_IF_ERROR(audit_.Append({address, "enroll", member.id.ToHex(), true,
                                 "token " + HexEncode(request.token_id()) + "; name " + member.display_name}));
  RETURN_IF_ERROR(transaction.Commit());
  return member;
}

// A relay serves TLS, so its certificate carries the name that clients ask for.
absl::StatusOr<std::string> Membership::Certify(const std::string& request, const Member& member,
                                                absl::Time now) const {
  std::vector<std::string> names;
  if (member.relay()) names = {crypto::kServerName, "localhost"};
  return authority_.Issue(request, member.id.ToHex(), member.role, now, limits::kMemberCertificateLifetime, names);
}

absl::StatusOr<v1::RenewResponse> Membership::Renew(const Member& member, const v1::RenewRequest& request) {
  RETURN_IF_ERROR(KeyHash(request.certificate_request(), request.x25519_public_key()).status());
  const absl::Time now = clock_.Wall(), expires_at = now + limits::kMemberCertificateLifetime;
  ASSIGN_OR_RETURN(std::string certificate, Certify(request.certificate_request(), member, now));
  RETURN_IF_ERROR(audit_.Append({member.id.ToHex(), "renew", member.id.ToHex(), true, ""}));
  RETURN_IF_ERROR(members_.Renew(member.id, request.x25519_public_key(), certificate, expires_at));
  v1::RenewResponse response;
  response.set_certificate(std::move(certificate));
  response.mutable_expires_at()->set_seconds(absl::ToUnixSeconds(expires_at));
  return response;
}

absl::StatusOr<std::string> Membership::AddAdmin(const std::string& request_der, const std::string& display_name) {
  const absl::Time now = clock_.Wall();
  Member member;
  member.id = random_.Identifier<MemberId>();
  member.display_name = CleanName(display_name);
  member.role = kAdminRole;
  member.enrolled_at = now;
  member.certificate_expires_at = now + limits::kMemberCertificateLifetime;
  ASSIGN_OR_RETURN(member.certificate, authority_.Issue(request_der, member.id.ToHex(), kAdminRole, now,
                                                        limits::kMemberCertificateLifetime));
  RETURN_IF_ERROR(audit_.Append({"init", "add_admin", member.id.ToHex(), true, ""}));
  RETURN_IF_ERROR(members_.Add(member));
  return member.certificate;
}

absl::StatusOr<Member> Membership::Authenticate(const MemberId& id, const std::string& role) {
  ASSIGN_OR_RETURN(Member member, members_.Get(id));
  if (member.revoked) return Revoked(id);
  if (member.role != role) {
    return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISMATCH",
                 "the certificate's role is not the member's: enrol anew");
  }
  activity_[id].last_seen = clock_.Wall();
  return member;
}

bool Membership::MayRead(const Member& member, const std::string& name) {
  const std::string dataset = NameBeforeNarrowing(name);
  const auto may = [&](const std::string& one) {
    return std::find(member.datasets.begin(), member.datasets.end(), one) != member.datasets.end();
  };
  if (member.admin() || may(dataset)) return true;
  const std::vector<std::string> parts = PartsOfName(dataset);
  return !parts.empty() && std::all_of(parts.begin(), parts.end(), may);
}

absl::StatusOr<Member> Membership::Revoke(const std::string& actor, const MemberId& id) {
  ASSIGN_OR_RETURN(Member member, members_.Get(id));
  RETURN_IF_ERROR(members_.Revoke(id));
  positions_.Forget(id);
  member.revoked = true;
  activity_.erase(id);
  audit_.Append({actor, "revoke", id.ToHex(), true, ""}).IgnoreError();
  return member;
}

const Membership::Activity* Membership::FindActivity(const MemberId& id) const {
  const auto found = activity_.find(id);
  return found == activity_.end() ? nullptr : &found->second;
}

}  // namespace replicast
