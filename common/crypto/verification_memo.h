#ifndef REPLICAST_COMMON_CRYPTO_VERIFICATION_MEMO_H_
#define REPLICAST_COMMON_CRYPTO_VERIFICATION_MEMO_H_

#include <string>
#include <string_view>
#include <unordered_map>

#include "common/crypto/crypto.h"

namespace replicast::crypto {

// While one exists, VerifyEd25519 on its thread remembers what it found. For a process that plays many members, all of
// which verify the same; a program with one member gains nothing. At most one a thread, destroyed on the same thread.
class REPLICAST_CRYPTO_EXPORT VerificationMemo {
 public:
  VerificationMemo();
  ~VerificationMemo();
  VerificationMemo(const VerificationMemo&) = delete;
  VerificationMemo& operator=(const VerificationMemo&) = delete;

  // That of this thread; null: none.
  static VerificationMemo* Current();
  bool Verify(std::string_view public_key, std::string_view message, std::string_view signature);

 private:
  std::unordered_map<std::string, bool> found_;  // by public key, signature and SHA-256 of the message
};

}  // namespace replicast::crypto

#endif  // REPLICAST_COMMON_CRYPTO_VERIFICATION_MEMO_H_
