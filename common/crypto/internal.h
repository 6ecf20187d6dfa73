#ifndef REPLICAST_COMMON_CRYPTO_INTERNAL_H_
#define REPLICAST_COMMON_CRYPTO_INTERNAL_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// Shared by the sources of this library; nobody else includes it.
namespace replicast::crypto {

inline const uint8_t* Bytes(std::string_view view) { return reinterpret_cast<const uint8_t*>(view.data()); }
inline uint8_t* MutableBytes(std::string& bytes) { return reinterpret_cast<uint8_t*>(bytes.data()); }

// A broken invariant of the caller, or a library that can't do its work: aborts. (This library links nothing of ours,
// so REPLICAST_CHECK isn't at hand.)
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken invariant: %s\n", what);
  std::abort();
}

// Of a key and a signature with the right sizes.
bool CheckEd25519(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace replicast::crypto

#endif  // REPLICAST_COMMON_CRYPTO_INTERNAL_H_
