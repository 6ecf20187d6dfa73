#include "server/membership/token_store.h"

#include <nlohmann/json.hpp>

#include "common/base/errors.h"
#include "common/crypto/crypto.h"

namespace replicast {
namespace {

constexpr int64_t kMostTokens = 10'000;
constexpr absl::Duration kRemembered = absl::Hours(24 * 7);

std::string SecretHash(std::string_view secret) {
  const crypto::Sha256Digest digest = crypto::Sha256(secret);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

absl::Status Invalid() {
  return Error(
      absl::StatusCode::kPermissionDenied, "TOKEN_INVALID",
      "this server does not know the token: it is mistyped, of another server, or long expired; ask for a new one "
      "(`replicast token create`)");
}

}  // namespace

absl::Status TokenStore::Install(sqlite::Database& state) {
  return state.Execute(R"(
    CREATE TABLE IF NOT EXISTS membership_token(id BLOB PRIMARY KEY, secret_hash BLOB NOT NULL, datasets TEXT NOT NULL,
      uses_left INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, role TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS membership_token_use(token BLOB NOT NULL, key_hash BLOB NOT NULL, member BLOB NOT NULL,
      PRIMARY KEY(token, key_hash)) WITHOUT ROWID;
  )");
}

absl::StatusOr<TokenStore::Fresh> TokenStore::Create(const Rights& rights, uint32_t uses, absl::Duration lifetime,
                                                     absl::Time now, Random& random) {
  const std::string forgotten = std::to_string(absl::ToUnixMillis(now - kRemembered));
  RETURN_IF_ERROR(state_.Execute(
      "DELETE FROM membership_token_use WHERE token IN (SELECT id FROM membership_token WHERE expires_at_ms < " +
      forgotten + "); DELETE FROM membership_token WHERE expires_at_ms < " + forgotten));
  ASSIGN_OR_RETURN(const auto count, state_.QueryValue("SELECT count(*) FROM membership_token"));
  if (std::get<int64_t>(count.value()) >= kMostTokens) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_TOKENS",
                 "there are too many tokens: let some expire, or make one with more uses");
  }
  Fresh fresh;
  fresh.id = random.Bytes(kIdBytes);
  fresh.secret = random.Bytes(kSecretBytes);
  fresh.expires_at = now + lifetime;
  ASSIGN_OR_RETURN(sqlite::Statement insert, state_.Prepare("INSERT INTO membership_token VALUES(?, ?, ?, ?, ?, ?)"));
  insert.BindBlob(1, fresh.id)
      .BindBlob(2, SecretHash(fresh.secret))
      .BindText(3, nlohmann::json(rights.datasets).dump());
  insert.BindInt(4, uses).BindInt(5, absl::ToUnixMillis(fresh.expires_at)).BindText(6, rights.role);
  RETURN_IF_ERROR(insert.Run());
  return fresh;
}

absl::StatusOr<TokenStore::Token> TokenStore::Find(std::string_view id, std::string_view secret,
                                                   std::string_view key_hash) {
  ASSIGN_OR_RETURN(
      sqlite::Statement select,
      state_.Prepare("SELECT secret_hash, datasets, uses_left, expires_at_ms, member, role FROM membership_token "
                     "LEFT JOIN membership_token_use ON token = id AND key_hash = ?2 WHERE id = ?1"));
  select.BindBlob(1, id).BindBlob(2, key_hash);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found || !crypto::EqualSecrets(select.Bytes(0), SecretHash(secret))) return Invalid();
  Token token;
  token.datasets = nlohmann::json::parse(select.Bytes(1)).get<std::vector<std::string>>();
  token.uses_left = static_cast<uint32_t>(select.Int(2));
  token.expires_at = absl::FromUnixMillis(select.Int(3));
  token.role = select.Bytes(5);
  if (!select.IsNull(4)) token.used_by_this_key = MemberId::FromBytes(select.Bytes(4));
  return token;
}

absl::Status TokenStore::Use(std::string_view id, std::string_view key_hash, const MemberId& member) {
  ASSIGN_OR_RETURN(
      sqlite::Statement update,
      state_.Prepare("UPDATE membership_token SET uses_left = uses_left - 1 WHERE id = ? AND uses_left > 0"));
  RETURN_IF_ERROR(update.BindBlob(1, id).Run());
  REPLICAST_CHECK(state_.Changes() == 1);
  ASSIGN_OR_RETURN(sqlite::Statement insert, state_.Prepare("INSERT INTO membership_token_use VALUES(?, ?, ?)"));
  return insert.BindBlob(1, id).BindBlob(2, key_hash).BindBlob(3, member.view()).Run();
}

absl::StatusOr<absl::Time> TokenStore::OpenUntil(absl::Time now) {
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   state_.Prepare("SELECT max(expires_at_ms) FROM membership_token WHERE expires_at_ms > ?"));
  select.BindInt(1, absl::ToUnixMillis(now));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  return found && !select.IsNull(0) ? absl::FromUnixMillis(select.Int(0)) : absl::InfinitePast();
}

}  // namespace replicast
