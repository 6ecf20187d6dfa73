#ifndef REPLICAST_SERVER_KEYS_KEY_SEQUENCE_H_
#define REPLICAST_SERVER_KEYS_KEY_SEQUENCE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/wire/epoch_key.h"
#include "replicast/v1/key_exchange_service.pb.h"

namespace replicast::keys {

// The epochs of one stream on this run of the server. Secrets are fresh randomness in memory only; the epoch's number
// is written down before it is used, so that no start, and no copy of the state, repeats a key with a nonce (a copy
// draws other secrets). Sans-IO, one thread.
class KeySequence {
 public:
  struct Options {
    uint32_t stream_id = 0;
    DefinitionHash definition;
    absl::Duration rekey_every;
  };
  // Writes down that epochs up to this one are used.
  using Remember = std::function<absl::Status(uint32_t epoch)>;
  // The run's first epoch is the one after `last_used`.
  static absl::StatusOr<std::unique_ptr<KeySequence>> Begin(const Options& options, uint32_t last_used,
                                                            Remember remember, const wire::Signer& signer,
                                                            Random& random, absl::Time now);

  std::shared_ptr<wire::EpochKey> current() const { return current_; }
  uint32_t incarnation() const { return incarnation_; }
  // Commitment to the announced next epoch; empty: none.
  KeyId next_key_id() const { return next_ ? next_->id() : KeyId(); }
  // The secrets of the current and the announced epoch, for a member that is authorized.
  v1::KeyBundle Bundle() const;

  // A fresh secret, announced limits::kKeyAnnounce ahead. The number of the announced epoch.
  absl::StatusOr<uint32_t> Rekey(absl::Time now);
  // A fresh secret at once, told to nobody but by GetKeys: for revocation. An error (its number can't be written down):
  // it is owed, and until OnTime has made up for it, which fails meanwhile, nothing may be sent.
  absl::Status ReplaceNow(absl::Time now);
  // next = HKDF(current), at once: who joins can't open what was sent before. limits::kRatchetBurst times without a
  // pause, then once in limits::kRatchetMin. False, or an error: not now; it is owed, and until OnTime has made up for
  // it no newcomer may get a Bundle.
  absl::StatusOr<bool> Ratchet(absl::Time now);
  bool ratchet_owed() const { return ratchet_owed_; }

  struct Step {
    bool switched = false;             // current() is another key now: set it in the sender
    std::vector<std::string> updates;  // serialized v1.SignedKeyUpdate to send now, in the clear
    absl::Status trouble;              // why a rekey or ratchet that was due must wait
  };
  // What time brings: announcements, their repetition, the switch, the timer's rekey, what is owed.
  absl::StatusOr<Step> OnTime(absl::Time now);
  absl::Time NextDeadline() const;

 private:
  KeySequence(const Options& options, Remember remember, const wire::Signer& signer, Random& random)
      : options_(options), remember_(std::move(remember)), signer_(signer), random_(random) {}
  absl::StatusOr<std::shared_ptr<wire::EpochKey>> Fresh();
  absl::Time RatchetAllowedAt() const;
  void DoWhatIsDue(absl::Time now, absl::Status* trouble);
  void Switch(std::shared_ptr<wire::EpochKey> to, absl::Time now);
  std::string Announce(v1::KeyUpdateKind kind, const wire::EpochKey& from, const wire::EpochKey& to, std::string salt);

  // An update that is sent again and again, until it is old news.
  struct Repeated {
    std::string update;
    absl::Time next, until;
    absl::Duration every;
  };

  Options options_;
  Remember remember_;
  const wire::Signer& signer_;
  Random& random_;
  uint32_t incarnation_ = 0, last_epoch_ = 0;
  std::shared_ptr<wire::EpochKey> current_, next_;
  absl::Time switch_at_ = absl::InfiniteFuture(), rekey_at_ = absl::InfiniteFuture();
  // Each ratchet moves this on by kRatchetMin; it may be up to a burst ahead of the time.
  absl::Time ratchets_paid_until_ = absl::InfinitePast();
  absl::Time write_again_at_ = absl::InfinitePast();
  bool switched_ = false, ratchet_owed_ = false, replacement_owed_ = false;
  std::vector<Repeated> repeated_;
};

}  // namespace replicast::keys

#endif  // REPLICAST_SERVER_KEYS_KEY_SEQUENCE_H_
