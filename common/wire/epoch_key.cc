#include "common/wire/epoch_key.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::wire {
namespace {

constexpr int kSequencesPerKeyBits = 22;
constexpr size_t kSaltSize = 32;
constexpr std::string_view kZeroNonce("\0\0\0\0\0\0\0\0\0\0\0\0", crypto::kAeadNonceSize);

std::string Info(std::string_view label, uint32_t stream_id) {
  std::string info(label);
  info.push_back('\0');
  AppendBigEndian32(&info, stream_id);
  return info;
}

std::string WrapInfo(uint32_t stream_id, uint32_t to_epoch) {
  std::string info = Info("replicast.v1 wrap", stream_id);
  AppendBigEndian32(&info, to_epoch);
  return info;
}

KeyId Commit(uint32_t stream_id, uint32_t epoch, std::string_view secret) {
  std::string message = Info("replicast.v1 key id", stream_id);
  AppendBigEndian32(&message, epoch);
  message += secret;
  const crypto::Sha256Digest hash = crypto::Sha256(message);
  crypto::Erase(&message);
  return *KeyId::FromBytes({reinterpret_cast<const char*>(hash.data()), 16});
}

}  // namespace

// The AEAD key and salt of one run of 2^22 sequences.
struct EpochKey::Derived {
  Derived(uint64_t run_number, std::string_view material)
      : run(run_number), aead(material.substr(0, crypto::kAeadKeySize)), salt(material.substr(crypto::kAeadKeySize)) {}
  std::string Nonce(uint64_t sequence) const {
    std::string nonce = salt;
    for (size_t i = 0; i < 8; ++i) {
      char& byte = nonce[nonce.size() - 1 - i];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (sequence >> (8 * i) & 0xff));
    }
    return nonce;
  }
  uint64_t run;
  crypto::Aead aead;
  std::string salt;
};

EpochKey::EpochKey(uint32_t stream_id, uint32_t epoch, std::string secret)
    : stream_id_(stream_id), epoch_(epoch), secret_(std::move(secret)), id_(Commit(stream_id, epoch, secret_)) {}

EpochKey::~EpochKey() { crypto::Erase(&secret_); }

EpochKey::Derived* EpochKey::Find(uint64_t run) const {
  if (newest_ && newest_->run == run) return newest_.get();
  return older_ && older_->run == run ? older_.get() : nullptr;
}

std::unique_ptr<EpochKey::Derived> EpochKey::Derive(uint64_t run) const {
  std::string info = Info("replicast.v1 frame", stream_id_);
  AppendBigEndian64(&info, run);
  std::string material = crypto::Hkdf(secret_, "", info, crypto::kAeadKeySize + crypto::kAeadNonceSize);
  auto derived = std::make_unique<Derived>(run, material);
  crypto::Erase(&material);
  return derived;
}

EpochKey::Derived& EpochKey::Keep(std::unique_ptr<Derived> derived) {
  older_ = std::move(newest_);
  newest_ = std::move(derived);
  return *newest_;
}

std::string EpochKey::Seal(uint64_t sequence, std::string_view payload) {
  const uint64_t run = sequence >> kSequencesPerKeyBits;
  const Derived* found = Find(run);
  const Derived& derived = found != nullptr ? *found : Keep(Derive(run));
  std::string sealed;
  sealed.reserve(payload.size() + crypto::kAeadTagSize);
  derived.aead.Seal(derived.Nonce(sequence), FrameAssociatedData(stream_id_, epoch_, sequence), payload, &sealed);
  return SerializeFrame({stream_id_, epoch_, sequence, false, sealed});
}

std::optional<std::string> EpochKey::Open(const FrameView& frame) {
  if (frame.is_key_update || frame.stream_id != stream_id_ || frame.key_epoch != epoch_) return std::nullopt;
  const uint64_t run = frame.sequence >> kSequencesPerKeyBits;
  // A derived key is kept only once a frame was authentic: a forged sequence must not push out the keys in use.
  std::unique_ptr<Derived> fresh;
  const Derived* derived = Find(run);
  if (derived == nullptr) {
    fresh = Derive(run);
    derived = fresh.get();
  }
  const std::string associated = FrameAssociatedData(stream_id_, epoch_, frame.sequence);
  std::string payload;
  if (!derived->aead.Open(derived->Nonce(frame.sequence), associated, frame.body, &payload)) return std::nullopt;
  if (fresh) Keep(std::move(fresh));
  return payload;
}

std::string RatchetSecret(const EpochKey& current, uint32_t stream_id, uint32_t to_epoch, std::string_view salt) {
  std::string info = Info("replicast.v1 ratchet", stream_id);
  AppendBigEndian32(&info, to_epoch);
  return crypto::Hkdf(current.secret(), salt, info, crypto::kAeadKeySize);
}

v1::SignedKeyUpdate SignKeyUpdate(v1::KeyUpdateKind kind, const DefinitionHash& definition, uint32_t incarnation,
                                  uint32_t stream_id, const EpochKey& current, const EpochKey& next, std::string salt,
                                  const Signer& signer) {
  REPLICAST_CHECK(salt.size() == kSaltSize && next.epoch() > current.epoch());
  v1::KeyUpdate update;
  update.set_stream_id(stream_id);
  update.set_definition_hash(definition.ToBytes());
  update.set_incarnation(incarnation);
  update.set_from_epoch(current.epoch());
  update.set_to_epoch(next.epoch());
  update.set_kind(kind);
  update.set_key_id(next.id().ToBytes());
  if (kind == v1::KEY_UPDATE_KIND_WRAPPED) {
    const std::string info = WrapInfo(stream_id, next.epoch());
    std::string wrap_key = crypto::Hkdf(current.secret(), salt, info, crypto::kAeadKeySize);
    crypto::Aead(wrap_key).Seal(kZeroNonce, info, next.secret(), update.mutable_wrapped_secret());
    crypto::Erase(&wrap_key);
  }
  update.set_salt(std::move(salt));
  v1::SignedKeyUpdate message;
  update.SerializeToString(message.mutable_update());
  message.set_signature(signer.Sign(kKeyUpdateDomain, message.update()));
  return message;
}

std::unique_ptr<EpochKey> OpenKeyUpdate(const v1::KeyUpdate& update, const EpochKey& current) {
  if (update.stream_id() != current.stream_id()) return nullptr;
  if (update.from_epoch() != current.epoch() || update.to_epoch() <= current.epoch()) return nullptr;
  std::string secret;
  if (update.kind() == v1::KEY_UPDATE_KIND_RATCHET) {
    secret = RatchetSecret(current, update.stream_id(), update.to_epoch(), update.salt());
  } else if (update.kind() == v1::KEY_UPDATE_KIND_WRAPPED) {
    const std::string info = WrapInfo(update.stream_id(), update.to_epoch());
    std::string wrap_key = crypto::Hkdf(current.secret(), update.salt(), info, crypto::kAeadKeySize);
    const bool opened = crypto::Aead(wrap_key).Open(kZeroNonce, info, update.wrapped_secret(), &secret);
    crypto::Erase(&wrap_key);
    if (!opened || secret.size() != crypto::kAeadKeySize) return nullptr;
  } else {
    return nullptr;
  }
  auto next = std::make_unique<EpochKey>(update.stream_id(), update.to_epoch(), std::move(secret));
  return next->id().view() == update.key_id() ? std::move(next) : nullptr;
}

std::optional<v1::KeyUpdate> VerifyKeyUpdate(std::string_view signed_update, const Verifier& verifier) {
  v1::SignedKeyUpdate message;
  if (!message.ParseFromArray(signed_update.data(), static_cast<int>(signed_update.size()))) return std::nullopt;
  if (!verifier.Verify(kKeyUpdateDomain, message.update(), message.signature())) return std::nullopt;
  v1::KeyUpdate update;
  if (!update.ParseFromString(message.update())) return std::nullopt;
  if (update.definition_hash().size() != 32 || update.salt().size() != kSaltSize || update.key_id().size() != 16)
    return std::nullopt;
  return update;
}

}  // namespace replicast::wire
