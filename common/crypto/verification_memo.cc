#include "common/crypto/verification_memo.h"

#include "common/crypto/internal.h"

namespace replicast::crypto {
namespace {

constexpr size_t kMostRemembered = 4096;

thread_local VerificationMemo* current = nullptr;

}  // namespace

VerificationMemo::VerificationMemo() {
  Require(current == nullptr, "a thread has one memo of verifications");
  current = this;
}

VerificationMemo::~VerificationMemo() { current = nullptr; }

VerificationMemo* VerificationMemo::Current() { return current; }

bool VerificationMemo::Verify(std::string_view public_key, std::string_view message, std::string_view signature) {
  const Sha256Digest digest = Sha256(message);
  std::string key(public_key);
  key.append(signature).append(reinterpret_cast<const char*>(digest.data()), digest.size());
  if (const auto known = found_.find(key); known != found_.end()) return known->second;
  if (found_.size() >= kMostRemembered) found_.clear();
  return found_[key] = CheckEd25519(public_key, message, signature);
}

}  // namespace replicast::crypto
