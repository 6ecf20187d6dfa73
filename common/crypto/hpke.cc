#include <openssl/err.h>
#include <openssl/hpke.h>

#include "common/crypto/crypto.h"
#include "common/crypto/internal.h"

namespace replicast::crypto {
namespace {

constexpr size_t kX25519KeySize = 32;
constexpr size_t kEncapsulatedSize = 32;

}  // namespace

KeyPair GenerateX25519() {
  bssl::ScopedEVP_HPKE_KEY key;
  KeyPair pair{std::string(kX25519KeySize, '\0'), std::string(kX25519KeySize, '\0')};
  size_t public_size = 0;
  size_t private_size = 0;
  Require(EVP_HPKE_KEY_generate(key.get(), EVP_hpke_x25519_hkdf_sha256()) == 1 &&
              EVP_HPKE_KEY_public_key(key.get(), MutableBytes(pair.public_key), &public_size, kX25519KeySize) == 1 &&
              EVP_HPKE_KEY_private_key(key.get(), MutableBytes(pair.private_key), &private_size, kX25519KeySize) == 1 &&
              public_size == kX25519KeySize && private_size == kX25519KeySize,
          "X25519 keys have 32 bytes");
  return pair;
}

std::optional<std::string> HpkeSeal(std::string_view public_key, std::string_view info, std::string_view plain) {
  bssl::ScopedEVP_HPKE_CTX context;
  std::string sealed(kEncapsulatedSize, '\0');
  size_t encapsulated = 0;
  if (EVP_HPKE_CTX_setup_sender(context.get(), MutableBytes(sealed), &encapsulated, sealed.size(),
                                EVP_hpke_x25519_hkdf_sha256(), EVP_hpke_hkdf_sha256(), EVP_hpke_aes_256_gcm(),
                                Bytes(public_key), public_key.size(), Bytes(info), info.size()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  Require(encapsulated == kEncapsulatedSize, "an encapsulated X25519 key has 32 bytes");
  const size_t room = plain.size() + EVP_HPKE_CTX_max_overhead(context.get());
  sealed.resize(kEncapsulatedSize + room);
  size_t written = 0;
  if (EVP_HPKE_CTX_seal(context.get(), MutableBytes(sealed) + kEncapsulatedSize, &written, room, Bytes(plain),
                        plain.size(), nullptr, 0) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  sealed.resize(kEncapsulatedSize + written);
  return sealed;
}

std::optional<std::string> HpkeOpen(const KeyPair& key, std::string_view info, std::string_view sealed) {
  if (sealed.size() < kEncapsulatedSize) return std::nullopt;
  const std::string_view box = sealed.substr(kEncapsulatedSize);
  bssl::ScopedEVP_HPKE_KEY own;
  bssl::ScopedEVP_HPKE_CTX context;
  std::string plain(box.size(), '\0');
  size_t written = 0;
  if (EVP_HPKE_KEY_init(own.get(), EVP_hpke_x25519_hkdf_sha256(), Bytes(key.private_key), key.private_key.size()) !=
          1 ||
      EVP_HPKE_CTX_setup_recipient(context.get(), own.get(), EVP_hpke_hkdf_sha256(), EVP_hpke_aes_256_gcm(),
                                   Bytes(sealed), kEncapsulatedSize, Bytes(info), info.size()) != 1 ||
      EVP_HPKE_CTX_open(context.get(), MutableBytes(plain), &written, plain.size(), Bytes(box), box.size(), nullptr,
                        0) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  plain.resize(written);
  return plain;
}

}  // namespace replicast::crypto
