#include "integration_tests/simulation/security_observer.h"

#include <absl/strings/str_cat.h>

#include "common/base/limits.h"
#include "common/wire/frame_codec.h"
#include "replicast/v1/frames.pb.h"

namespace replicast::simulation {
namespace {

// How long a relay may take to notice that a lease ended.
constexpr absl::Duration kSlack = absl::Seconds(30);

}  // namespace

bool SecurityObserver::MustRefuse(const ServingProcess& by, const MemberId& member) const {
  const auto revoked = revoked_.find(member);
  if (revoked == revoked_.end() || by.evil()) return false;
  if (by.decides() || time_.clock.Now() > revoked->second + limits::kLease + kSlack) return true;
  const absl::StatusOr<Member> known = by.membership().members().Get(member);
  return known.ok() && known->revoked;
}

void SecurityObserver::OnDatagram(const std::string& datagram, const ServingProcess& by) {
  const auto frame = wire::ParseFrame(datagram);
  if (!frame) throw Violation("the server sent a datagram that is no frame");
  const Source source{{by.name(), by.run()}, frame->stream_id};
  if (frame->is_key_update) return OnKeyUpdate(source, std::string(frame->body));
  const auto channel = by.multicaster().ChannelById(frame->stream_id);
  if (!channel || channel->epoch != frame->key_epoch) return;  // sealed before a switch in the same step
  keys_[{source, channel->epoch}] = channel->key_id;
  CheckNonce(channel->key_id, frame->sequence, datagram);
  for (const MemberId& member : knowers_[channel->key_id]) {
    if (MustRefuse(by, member)) throw Violation("a revoked member's keys open a new frame of " + by.name());
  }
}

void SecurityObserver::CheckNonce(const KeyId& key, uint64_t sequence, const std::string& datagram) {
  ++frames_;
  first_sealed_.try_emplace(key, time_.clock.Now());
  const uint64_t hash = HashOf(datagram);
  const auto [seen, first] = sealed_.emplace(std::pair(key, sequence), hash);
  if (!first && seen->second != hash) {
    throw Violation(absl::StrCat("nonce used twice: key ", key.ToHex(), ", sequence ", sequence));
  }
}

void SecurityObserver::OnRepaired(const ServingProcess& by, const v1::RepairResponse& response) {
  for (const std::string& datagram : response.frames()) {
    const auto frame = wire::ParseFrame(datagram);
    if (!frame) throw Violation("the server repaired with a datagram that is no frame");
    const auto channel = by.multicaster().ChannelById(frame->stream_id);
    if (channel && channel->epoch == frame->key_epoch) CheckNonce(channel->key_id, frame->sequence, datagram);
  }
}

void SecurityObserver::OnGranted(const ServingProcess& by, const MemberId& member, const v1::Grant& grant) {
  granted_.try_emplace({{by.name(), member}, grant.stream_id()}, time_.clock.Now());
}

void SecurityObserver::OnKeyUpdate(const Source& source, const std::string& body) {
  v1::SignedKeyUpdate sealed;
  v1::KeyUpdate update;
  if (!sealed.ParseFromString(body) || !update.ParseFromString(sealed.update())) {
    throw Violation("the server sent a key update that can't be parsed");
  }
  const auto next = KeyId::FromBytes(update.key_id());
  if (!next) return;
  keys_[{source, update.to_epoch()}] = *next;
  const auto from = keys_.find({source, update.from_epoch()});
  if (from == keys_.end() || update.kind() == v1::KEY_UPDATE_KIND_FETCH) return;
  // Whoever holds that epoch's key has the next one from here on, whatever happens to it then.
  const std::set<MemberId> holders = knowers_[from->second];
  knowers_[*next].insert(holders.begin(), holders.end());
}

void SecurityObserver::OnAnswered(const ServingProcess& by, const MemberId& member, const std::string& method,
                                  bool ok) {
  if (ok && MustRefuse(by, member))
    throw Violation("a revoked member got an answer to " + method + " from " + by.name());
}

void SecurityObserver::OnKeysGiven(const ServingProcess& by, const MemberId& member, const ChannelInfo& channel) {
  keys_[{{{by.name(), by.run()}, channel.stream_id}, channel.epoch}] = channel.key_id;
  knowers_[channel.key_id].insert(member);
  const auto granted = granted_.find({{by.name(), member}, channel.stream_id});
  const auto sealed = first_sealed_.find(channel.key_id);
  if (granted == granted_.end() || sealed == first_sealed_.end()) return;
  if (sealed->second < granted->second - limits::kRatchetMin) {
    throw Violation("a new member got the key of frames that were sent before its grant");
  }
}

void SecurityObserver::OnCopied(const ServingProcess& from, const ServingProcess& to) {
  const auto before = granted_;
  for (const auto& [of, when] : before) {
    const auto& [server_and_member, stream_id] = of;
    if (server_and_member.first == from.name())
      granted_.try_emplace({{to.name(), server_and_member.second}, stream_id}, when);
  }
}

void SecurityObserver::OnForeignFrame(const std::string& datagram) { foreign_.insert(HashOf(datagram)); }

void SecurityObserver::OnFrameTaken(const std::string& datagram) {
  if (foreign_.contains(HashOf(datagram))) throw Violation("a member took a frame under a key that no server made");
}

void SecurityObserver::OnRevoked(const MemberId& member) {
  revoked_.emplace(member, time_.clock.Now());
  ever_revoked_.insert(member);
}

}  // namespace replicast::simulation
