#ifndef REPLICAST_COMMON_CRYPTO_CRYPTO_H_
#define REPLICAST_COMMON_CRYPTO_CRYPTO_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// The only face of the BoringSSL library, which is linked into this shared library alone: standard types only, exported
// symbols only. Every function is thread safe unless said otherwise. Keys and secrets are raw bytes in std::string.
#define REPLICAST_CRYPTO_EXPORT __attribute__((visibility("default")))

namespace replicast::crypto {

using Sha256Digest = std::array<uint8_t, 32>;

REPLICAST_CRYPTO_EXPORT Sha256Digest Sha256(std::string_view data);
// SHA-256 over several pieces, without joining them. Not thread safe.
class REPLICAST_CRYPTO_EXPORT Sha256Hasher {
 public:
  Sha256Hasher();
  void Update(std::string_view data);
  Sha256Digest Finish();

 private:
  alignas(8) std::array<unsigned char, 128> state_;
};
// HKDF-SHA256 (RFC 5869).
REPLICAST_CRYPTO_EXPORT std::string Hkdf(std::string_view secret, std::string_view salt, std::string_view info,
                                         size_t size);
REPLICAST_CRYPTO_EXPORT bool EqualSecrets(std::string_view a, std::string_view b);
REPLICAST_CRYPTO_EXPORT void RandomBytes(void* out, size_t size);
// Overwrites a secret before it is freed.
REPLICAST_CRYPTO_EXPORT void Erase(std::string* secret);

inline constexpr size_t kAeadKeySize = 32;
inline constexpr size_t kAeadNonceSize = 12;
inline constexpr size_t kAeadTagSize = 16;

// AES-256-GCM (NIST SP 800-38D) under one key.
class REPLICAST_CRYPTO_EXPORT Aead {
 public:
  explicit Aead(std::string_view key);  // kAeadKeySize bytes
  ~Aead();
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;
  // Appends ciphertext and tag to *out.
  void Seal(std::string_view nonce, std::string_view associated, std::string_view plain, std::string* out) const;
  // Replaces *out by the plain text; false, and *out empty, when it is not authentic.
  bool Open(std::string_view nonce, std::string_view associated, std::string_view sealed, std::string* out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct REPLICAST_CRYPTO_EXPORT KeyPair {
  std::string public_key;   // 32 bytes
  std::string private_key;  // Ed25519: 64 bytes (seed, then public key); X25519: 32
};

// Ed25519 (RFC 8032).
REPLICAST_CRYPTO_EXPORT KeyPair GenerateEd25519();
REPLICAST_CRYPTO_EXPORT std::string SignEd25519(std::string_view private_key, std::string_view message);  // 64 bytes
REPLICAST_CRYPTO_EXPORT bool VerifyEd25519(std::string_view public_key, std::string_view message,
                                           std::string_view signature);

// HPKE (RFC 9180), base mode, X25519 + HKDF-SHA256 + AES-256-GCM; the 32-byte encapsulated key stands first.
REPLICAST_CRYPTO_EXPORT KeyPair GenerateX25519();
REPLICAST_CRYPTO_EXPORT std::optional<std::string> HpkeSeal(std::string_view public_key, std::string_view info,
                                                            std::string_view plain);
REPLICAST_CRYPTO_EXPORT std::optional<std::string> HpkeOpen(const KeyPair& key, std::string_view info,
                                                            std::string_view sealed);

REPLICAST_CRYPTO_EXPORT std::string LibraryName();

}  // namespace replicast::crypto

#endif  // REPLICAST_COMMON_CRYPTO_CRYPTO_H_
