#ifndef REPLICAST_SERVER_MEMBERSHIP_TOKEN_STORE_H_
#define REPLICAST_SERVER_MEMBERSHIP_TOKEN_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/lsn.h"
#include "common/base/random.h"
#include "common/sqlite/database.h"

namespace replicast {

// Join tokens in the server's state database; of a secret only the SHA-256. Writes belong to the caller's transaction.
// Who a token was used by is kept with it, by the hash of the request's key, so that a repeat finds its member. One
// thread.
class TokenStore {
 public:
  static constexpr size_t kIdBytes = 16, kSecretBytes = 32;

  explicit TokenStore(sqlite::Database& state) : state_(state) {}
  static absl::Status Install(sqlite::Database& state);

  struct Fresh {
    std::string id, secret;
    absl::Time expires_at;
  };
  // Tokens that expired a week ago are forgotten here. RESOURCE_EXHAUSTED (TOO_MANY_TOKENS).
  struct Rights {
    std::vector<std::string> datasets;
    std::string role;
  };
  absl::StatusOr<Fresh> Create(const Rights& rights, uint32_t uses, absl::Duration lifetime, absl::Time now,
                               Random& random);

  struct Token {
    std::vector<std::string> datasets;
    std::string role;
    uint32_t uses_left = 0;
    absl::Time expires_at;
    std::optional<MemberId> used_by_this_key;
  };
  // PERMISSION_DENIED (TOKEN_INVALID) for an unknown id and for a wrong secret alike.
  absl::StatusOr<Token> Find(std::string_view id, std::string_view secret, std::string_view key_hash);
  absl::Status Use(std::string_view id, std::string_view key_hash, const MemberId& member);
  // When the last unexpired token expires; infinite past: there is none. One that is used up counts too: whoever used
  // it may have lost the answer and ask again.
  absl::StatusOr<absl::Time> OpenUntil(absl::Time now);

 private:
  sqlite::Database& state_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_TOKEN_STORE_H_
