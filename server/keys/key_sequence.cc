#include "server/keys/key_sequence.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast::keys {
namespace {

constexpr size_t kSecretSize = 32, kSaltSize = 32;
constexpr int kAnnouncements = 3;
constexpr absl::Duration kRepeatEvery = absl::Seconds(5);
constexpr absl::Duration kWriteAgain = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<KeySequence>> KeySequence::Begin(const Options& options, uint32_t last_used,
                                                                Remember remember, const wire::Signer& signer,
                                                                Random& random, absl::Time now) {
  std::unique_ptr<KeySequence> sequence(new KeySequence(options, std::move(remember), signer, random));
  sequence->last_epoch_ = last_used;
  ASSIGN_OR_RETURN(std::shared_ptr<wire::EpochKey> first, sequence->Fresh());
  sequence->incarnation_ = first->epoch();
  sequence->Switch(std::move(first), now);
  return sequence;
}

absl::StatusOr<std::shared_ptr<wire::EpochKey>> KeySequence::Fresh() {
  RETURN_IF_ERROR(remember_(last_epoch_ + 1));
  ++last_epoch_;
  return std::make_shared<wire::EpochKey>(options_.stream_id, last_epoch_, random_.Bytes(kSecretSize));
}

void KeySequence::Switch(std::shared_ptr<wire::EpochKey> to, absl::Time now) {
  current_ = std::move(to);
  next_.reset();
  switch_at_ = absl::InfiniteFuture();
  rekey_at_ = now + options_.rekey_every;
  switched_ = true;
}

std::string KeySequence::Announce(v1::KeyUpdateKind kind, const wire::EpochKey& from, const wire::EpochKey& to,
                                  std::string salt) {
  return wire::SignKeyUpdate(kind, options_.definition, incarnation_, options_.stream_id, from, to, std::move(salt),
                             signer_)
      .SerializeAsString();
}

v1::KeyBundle KeySequence::Bundle() const {
  v1::KeyBundle bundle;
  bundle.set_stream_id(options_.stream_id);
  bundle.set_definition_hash(options_.definition.ToBytes());
  bundle.set_incarnation(incarnation_);
  for (const auto& key : {current_, next_}) {
    if (key == nullptr) continue;
    v1::EpochKey& entry = *bundle.add_keys();
    entry.set_epoch(key->epoch());
    entry.set_secret(key->secret());
    entry.set_key_id(key->id().ToBytes());
  }
  return bundle;
}

absl::StatusOr<uint32_t> KeySequence::Rekey(absl::Time now) {
  if (next_ != nullptr) return next_->epoch();
  if (replacement_owed_) RETURN_IF_ERROR(ReplaceNow(now));
  ASSIGN_OR_RETURN(next_, Fresh());
  switch_at_ = now + limits::kKeyAnnounce;
  // Three times before the switch, then for a minute: who missed it asks GetKeys.
  const std::string update = Announce(v1::KEY_UPDATE_KIND_WRAPPED, *current_, *next_, random_.Bytes(kSaltSize));
  repeated_.push_back({update, now, switch_at_, limits::kKeyAnnounce / kAnnouncements});
  repeated_.push_back({update, switch_at_, switch_at_ + limits::kOldKeyLifetime, kRepeatEvery});
  return next_->epoch();
}

absl::Status KeySequence::ReplaceNow(absl::Time now) {
  // An announced epoch's secret is known to the revoked member: it is never used.
  repeated_.clear();
  next_.reset();
  switch_at_ = absl::InfiniteFuture();
  replacement_owed_ = true;
  ASSIGN_OR_RETURN(std::shared_ptr<wire::EpochKey> fresh, Fresh());
  replacement_owed_ = false;
  const std::string update = Announce(v1::KEY_UPDATE_KIND_FETCH, *current_, *fresh, random_.Bytes(kSaltSize));
  Switch(std::move(fresh), now);
  repeated_.push_back({update, now, now + limits::kOldKeyLifetime, kRepeatEvery});
  return absl::OkStatus();
}

absl::Time KeySequence::RatchetAllowedAt() const {
  return std::max(write_again_at_, ratchets_paid_until_ - (limits::kRatchetBurst - 1) * limits::kRatchetMin);
}

absl::StatusOr<bool> KeySequence::Ratchet(absl::Time now) {
  ratchet_owed_ = true;
  if (replacement_owed_) RETURN_IF_ERROR(ReplaceNow(now));
  if (now < RatchetAllowedAt()) return false;
  // The announced epoch's secret was told to those who are here; a newcomer may have it too, as nothing was sent under
  // it.
  if (absl::Status status = remember_(last_epoch_ + 1); !status.ok()) {
    write_again_at_ = now + kWriteAgain;
    return status;
  }
  ratchet_owed_ = false;
  ratchets_paid_until_ = std::max(ratchets_paid_until_, now) + limits::kRatchetMin;
  const uint32_t epoch = ++last_epoch_;
  const std::string salt = random_.Bytes(kSaltSize);
  auto to = std::make_shared<wire::EpochKey>(options_.stream_id, epoch,
                                             wire::RatchetSecret(*current_, options_.stream_id, epoch, salt));
  const std::string update = Announce(v1::KEY_UPDATE_KIND_RATCHET, *current_, *to, salt);
  const bool rekeying = next_ != nullptr;
  repeated_.clear();
  Switch(std::move(to), now);
  repeated_.push_back({update, now, now + limits::kOldKeyLifetime, kRepeatEvery});
  if (rekeying && !Rekey(now).ok()) rekey_at_ = now + kWriteAgain;
  return true;
}

void KeySequence::DoWhatIsDue(absl::Time now, absl::Status* trouble) {
  if (now >= rekey_at_) {
    const absl::Status rekeyed = Rekey(now).status();
    rekey_at_ = rekeyed.ok() ? absl::InfiniteFuture() : now + kWriteAgain;
    trouble->Update(rekeyed);
  }
  if (ratchet_owed_ && now >= RatchetAllowedAt()) trouble->Update(Ratchet(now).status());
}

absl::StatusOr<KeySequence::Step> KeySequence::OnTime(absl::Time now) {
  if (replacement_owed_) RETURN_IF_ERROR(ReplaceNow(now));
  Step step;
  DoWhatIsDue(now, &step.trouble);
  for (Repeated& each : repeated_) {
    if (now < each.next) continue;
    step.updates.push_back(each.update);
    each.next = now + each.every;
  }
  std::erase_if(repeated_, [](const Repeated& each) { return each.next >= each.until; });
  if (now >= switch_at_) Switch(std::shared_ptr<wire::EpochKey>(next_), now);
  step.switched = std::exchange(switched_, false);
  return step;
}

absl::Time KeySequence::NextDeadline() const {
  absl::Time deadline = std::min(switch_at_, rekey_at_);
  if (switched_) return absl::InfinitePast();
  if (ratchet_owed_) deadline = std::min(deadline, RatchetAllowedAt());
  for (const Repeated& each : repeated_) deadline = std::min(deadline, each.next);
  return deadline;
}

}  // namespace replicast::keys
