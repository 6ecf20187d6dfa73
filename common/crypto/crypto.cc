#include "common/crypto/crypto.h"

#include <openssl/aead.h>
#include <openssl/crypto.h>
#include <openssl/curve25519.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <new>

#include "common/crypto/internal.h"
#include "common/crypto/verification_memo.h"

namespace replicast::crypto {

Sha256Digest Sha256(std::string_view data) {
  Sha256Digest digest;
  SHA256(Bytes(data), data.size(), digest.data());
  return digest;
}

Sha256Hasher::Sha256Hasher() {
  static_assert(sizeof(SHA256_CTX) <= sizeof(state_) && alignof(SHA256_CTX) <= 8);
  SHA256_Init(new (state_.data()) SHA256_CTX);
}

void Sha256Hasher::Update(std::string_view data) {
  SHA256_Update(std::launder(reinterpret_cast<SHA256_CTX*>(state_.data())), data.data(), data.size());
}

Sha256Digest Sha256Hasher::Finish() {
  Sha256Digest digest;
  SHA256_Final(digest.data(), std::launder(reinterpret_cast<SHA256_CTX*>(state_.data())));
  return digest;
}

std::string Hkdf(std::string_view secret, std::string_view salt, std::string_view info, size_t size) {
  std::string key(size, '\0');
  Require(HKDF(MutableBytes(key), size, EVP_sha256(), Bytes(secret), secret.size(), Bytes(salt), salt.size(),
               Bytes(info), info.size()) == 1,
          "HKDF gives at most 8,160 bytes");
  return key;
}

bool EqualSecrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void RandomBytes(void* out, size_t size) { RAND_bytes(static_cast<uint8_t*>(out), size); }

void Erase(std::string* secret) {
  OPENSSL_cleanse(secret->data(), secret->size());
  secret->clear();
}

struct Aead::State {
  bssl::ScopedEVP_AEAD_CTX context;
};

Aead::Aead(std::string_view key) : state_(std::make_unique<State>()) {
  Require(key.size() == kAeadKeySize, "an AES-256-GCM key has 32 bytes");
  Require(EVP_AEAD_CTX_init(state_->context.get(), EVP_aead_aes_256_gcm(), Bytes(key), key.size(), kAeadTagSize,
                            nullptr) == 1,
          "AES-256-GCM is available");
}

Aead::~Aead() = default;

void Aead::Seal(std::string_view nonce, std::string_view associated, std::string_view plain, std::string* out) const {
  Require(nonce.size() == kAeadNonceSize, "an AES-256-GCM nonce has 12 bytes");
  const size_t before = out->size();
  const size_t room = plain.size() + kAeadTagSize;
  out->resize(before + room);
  size_t written = 0;
  Require(EVP_AEAD_CTX_seal(state_->context.get(), MutableBytes(*out) + before, &written, room, Bytes(nonce),
                            nonce.size(), Bytes(plain), plain.size(), Bytes(associated), associated.size()) == 1 &&
              written == room,
          "AES-256-GCM seals up to 64 GiB");
}

bool Aead::Open(std::string_view nonce, std::string_view associated, std::string_view sealed, std::string* out) const {
  out->resize(sealed.size());
  size_t written = 0;
  const bool opened =
      nonce.size() == kAeadNonceSize &&
      EVP_AEAD_CTX_open(state_->context.get(), MutableBytes(*out), &written, out->size(), Bytes(nonce), nonce.size(),
                        Bytes(sealed), sealed.size(), Bytes(associated), associated.size()) == 1;
  if (!opened) ERR_clear_error();
  out->resize(opened ? written : 0);
  return opened;
}

KeyPair GenerateEd25519() {
  KeyPair pair{std::string(ED25519_PUBLIC_KEY_LEN, '\0'), std::string(ED25519_PRIVATE_KEY_LEN, '\0')};
  ED25519_keypair(MutableBytes(pair.public_key), MutableBytes(pair.private_key));
  return pair;
}

std::string SignEd25519(std::string_view private_key, std::string_view message) {
  Require(private_key.size() == ED25519_PRIVATE_KEY_LEN, "an Ed25519 private key has 64 bytes");
  std::string signature(ED25519_SIGNATURE_LEN, '\0');
  Require(ED25519_sign(MutableBytes(signature), Bytes(message), message.size(), Bytes(private_key)) == 1,
          "Ed25519 signs");
  return signature;
}

bool VerifyEd25519(std::string_view public_key, std::string_view message, std::string_view signature) {
  if (public_key.size() != ED25519_PUBLIC_KEY_LEN || signature.size() != ED25519_SIGNATURE_LEN) return false;
  VerificationMemo* const memo = VerificationMemo::Current();
  return memo == nullptr ? CheckEd25519(public_key, message, signature) : memo->Verify(public_key, message, signature);
}

bool CheckEd25519(std::string_view public_key, std::string_view message, std::string_view signature) {
  const bool valid = ED25519_verify(Bytes(message), message.size(), Bytes(signature), Bytes(public_key)) == 1;
  if (!valid) ERR_clear_error();
  return valid;
}

std::string LibraryName() { return OpenSSL_version(OPENSSL_VERSION); }

}  // namespace replicast::crypto
