#include "server/membership/member_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

constexpr size_t kIdDigits = 32;
constexpr size_t kLeastDigits = 4;

absl::Status Unknown(const std::string& text) {
  return Error(absl::StatusCode::kNotFound, "MEMBER_UNKNOWN",
               "there is no member '" + text + "'; `replicast member list` shows all");
}

Member FromRow(const sqlite::Statement& row) {
  Member member;
  member.id = MemberId::FromBytes(row.Bytes(0)).value_or(MemberId());
  member.display_name = row.Bytes(1);
  member.role = row.Bytes(2);
  member.x25519_public_key = row.Bytes(3);
  member.certificate = row.Bytes(4);
  member.certificate_expires_at = absl::FromUnixMillis(row.Int(5));
  member.datasets = nlohmann::json::parse(row.Bytes(6)).get<std::vector<std::string>>();
  member.enrolled_at = absl::FromUnixMillis(row.Int(7));
  member.revoked = row.Int(8) != 0;
  return member;
}

bool IsHex(const std::string& text) { return text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos; }

}  // namespace

absl::Status MemberStore::Install(sqlite::Database& state) {
  return state.Execute(R"(
    CREATE TABLE IF NOT EXISTS membership_member(id BLOB PRIMARY KEY, display_name TEXT NOT NULL, role TEXT NOT NULL,
      x25519 BLOB NOT NULL, certificate BLOB NOT NULL, certificate_expires_at_ms INTEGER NOT NULL, datasets TEXT NOT NULL,
      enrolled_at_ms INTEGER NOT NULL, revoked INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS membership_member_name ON membership_member(display_name);
  )");
}

absl::Status MemberStore::Add(const Member& member) {
  ASSIGN_OR_RETURN(sqlite::Statement insert,
                   state_.Prepare("INSERT OR REPLACE INTO membership_member VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.BindBlob(1, member.id.view())
      .BindText(2, member.display_name)
      .BindText(3, member.role)
      .BindBlob(4, member.x25519_public_key);
  insert.BindBlob(5, member.certificate).BindInt(6, absl::ToUnixMillis(member.certificate_expires_at));
  insert.BindText(7, nlohmann::json(member.datasets).dump())
      .BindInt(8, absl::ToUnixMillis(member.enrolled_at))
      .BindInt(9, member.revoked);
  return insert.Run();
}

absl::StatusOr<std::vector<Member>> MemberStore::Select(const std::string& where,
                                                        const std::vector<Value>& parameters) {
  ASSIGN_OR_RETURN(sqlite::Statement select, state_.Prepare("SELECT * FROM membership_member WHERE " + where));
  for (size_t i = 0; i < parameters.size(); ++i) select.Bind(static_cast<int>(i) + 1, parameters[i]);
  std::vector<Member> members;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return members;
    members.push_back(FromRow(select));
  }
}

absl::StatusOr<Member> MemberStore::Get(const MemberId& id) {
  ASSIGN_OR_RETURN(std::vector<Member> members, Select("id = ?", {Blob{id.ToBytes()}}));
  if (members.empty()) return Unknown(id.ToHex());
  return std::move(members.front());
}

absl::StatusOr<Member> MemberStore::Find(const std::string& text) {
  std::vector<Member> members;
  if (text.size() >= kLeastDigits && text.size() <= kIdDigits && IsHex(text)) {
    // All ids between the beginning with zeros, and with ones, behind it.
    const std::string least = HexDecode(text + std::string(kIdDigits - text.size(), '0')).value();
    const std::string most = HexDecode(text + std::string(kIdDigits - text.size(), 'f')).value();
    ASSIGN_OR_RETURN(members, Select("id BETWEEN ? AND ? LIMIT 2", {Blob{least}, Blob{most}}));
  }
  if (members.empty()) {
    ASSIGN_OR_RETURN(members, Select("display_name = ? ORDER BY revoked LIMIT 2", {Text{text}}));
    // The one that is not revoked is meant when there is just one.
    if (members.size() == 2 && !members[0].revoked && members[1].revoked) members.pop_back();
  }
  if (members.empty()) return Unknown(text);
  if (members.size() == 1) return std::move(members.front());
  return Error(
      absl::StatusCode::kFailedPrecondition, "MEMBER_AMBIGUOUS",
      "'" + text + "' may mean " + members[0].id.ToHex() + " or " + members[1].id.ToHex() + ": give more of the id");
}

absl::StatusOr<std::vector<Member>> MemberStore::List(const MemberId& after, size_t most) {
  return Select("id > ? ORDER BY id LIMIT ?", {Blob{after.ToBytes()}, static_cast<int64_t>(most)});
}

absl::StatusOr<uint64_t> MemberStore::Count() {
  ASSIGN_OR_RETURN(const auto count, state_.QueryValue("SELECT count(*) FROM membership_member"));
  return static_cast<uint64_t>(std::get<int64_t>(count.value()));
}

absl::Status MemberStore::Renew(const MemberId& id, const std::string& x25519_public_key,
                                const std::string& certificate, absl::Time expires_at) {
  ASSIGN_OR_RETURN(sqlite::Statement update, state_.Prepare("UPDATE membership_member SET x25519 = ?, certificate = ?, "
                                                            "certificate_expires_at_ms = ? WHERE id = ?"));
  return update.BindBlob(1, x25519_public_key)
      .BindBlob(2, certificate)
      .BindInt(3, absl::ToUnixMillis(expires_at))
      .BindBlob(4, id.view())
      .Run();
}

absl::Status MemberStore::Revoke(const MemberId& id) {
  ASSIGN_OR_RETURN(sqlite::Statement update, state_.Prepare("UPDATE membership_member SET revoked = 1 WHERE id = ?"));
  return update.BindBlob(1, id.view()).Run();
}

}  // namespace replicast
