#ifndef REPLICAST_COMMON_WIRE_EPOCH_KEY_H_
#define REPLICAST_COMMON_WIRE_EPOCH_KEY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/lsn.h"
#include "common/crypto/crypto.h"
#include "common/wire/frame_codec.h"
#include "common/wire/signer.h"
#include "replicast/v1/frames.pb.h"

namespace replicast::wire {

// One epoch of a stream: its secret, its commitment, and the AEAD keys derived from it. A new AEAD key every 2^22
// sequences: key and 12-byte salt = HKDF-SHA256(secret, salt = "", info = "replicast.v1 frame" 0x00 stream_id
// (sequence >> 22)), 44 bytes, numbers big endian (4 and 8 bytes); nonce = salt XOR sequence (in the last 8 bytes).
// Not thread safe. The secret is erased with the object.
class EpochKey {
 public:
  EpochKey(uint32_t stream_id, uint32_t epoch, std::string secret);
  ~EpochKey();
  EpochKey(const EpochKey&) = delete;
  EpochKey& operator=(const EpochKey&) = delete;

  uint32_t stream_id() const { return stream_id_; }
  uint32_t epoch() const { return epoch_; }
  const std::string& secret() const { return secret_; }
  // First 16 bytes of SHA-256("replicast.v1 key id" 0x00 stream_id epoch secret).
  const KeyId& id() const { return id_; }

  // A whole datagram. `sequence` must never repeat for this epoch.
  std::string Seal(uint64_t sequence, std::string_view payload);
  // The payload; nothing when it is not authentic. The view must be of this stream and epoch.
  std::optional<std::string> Open(const FrameView& frame);

 private:
  struct Derived;
  Derived* Find(uint64_t run) const;
  std::unique_ptr<Derived> Derive(uint64_t run) const;
  Derived& Keep(std::unique_ptr<Derived> derived);
  uint32_t stream_id_, epoch_;
  std::string secret_;
  KeyId id_;
  std::unique_ptr<Derived> newest_, older_;
};

// next = HKDF-SHA256(current secret, salt, info = "replicast.v1 ratchet" 0x00 stream_id to_epoch).
std::string RatchetSecret(const EpochKey& current, uint32_t stream_id, uint32_t to_epoch, std::string_view salt);
// A signed announcement of the next epoch. WRAPPED: the next secret sealed with AES-256-GCM under HKDF(current secret,
// salt, info = "replicast.v1 wrap" 0x00 stream_id to_epoch), all-zero nonce (the salt is fresh), the same info as
// associated data.
v1::SignedKeyUpdate SignKeyUpdate(v1::KeyUpdateKind kind, const DefinitionHash& definition, uint32_t incarnation,
                                  uint32_t stream_id, const EpochKey& current, const EpochKey& next, std::string salt,
                                  const Signer& signer);
// The next epoch's key out of a verified update, or nothing: of another stream, not the current epoch's successor, of
// kind FETCH, a secret that does not fit its commitment.
std::unique_ptr<EpochKey> OpenKeyUpdate(const v1::KeyUpdate& update, const EpochKey& current);
// Nothing when the signature, or the length of a field, is wrong.
std::optional<v1::KeyUpdate> VerifyKeyUpdate(std::string_view signed_update, const Verifier& verifier);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_EPOCH_KEY_H_
