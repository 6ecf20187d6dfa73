#ifndef REPLICAST_TOOLS_FUZZERS_FUZZ_KEYS_H_
#define REPLICAST_TOOLS_FUZZERS_FUZZ_KEYS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/encoding.h"
#include "common/base/lsn.h"
#include "common/wire/golden_vectors.h"
#include "common/wire/signer.h"

// Keys that every target knows, so that inputs get behind signatures and encryption, and mean the same in every run:
// those of the golden vectors.
namespace replicast::fuzz {

inline constexpr uint32_t kStream = 0x11223344;
inline constexpr uint32_t kIncarnation = 7;

inline std::string CountedBytes(size_t size, int first) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(first + static_cast<int>(i)));
  return bytes;
}
inline std::string Golden(std::string_view hex) { return HexDecode(hex).value_or(""); }
inline const wire::Signer& TheSigner() {
  static const wire::Signer signer(CountedBytes(32, 0) + Golden(wire::golden::kSigningPublicKey));
  return signer;
}
inline const wire::Verifier& TheVerifier() {
  static const wire::Verifier verifier(Golden(wire::golden::kSigningPublicKey));
  return verifier;
}
inline DefinitionHash TheDefinition() { return *DefinitionHash::FromBytes(Golden(wire::golden::kDefinitionHash)); }
inline HistoryId TheHistory() { return *HistoryId::FromBytes(CountedBytes(16, 0xa0)); }
// The secret of an epoch; epoch 7's is the golden vectors'.
inline std::string SecretOf(uint32_t epoch) { return CountedBytes(32, 0x20 + static_cast<int>(epoch % 64) - 7); }

}  // namespace replicast::fuzz

#endif  // REPLICAST_TOOLS_FUZZERS_FUZZ_KEYS_H_
