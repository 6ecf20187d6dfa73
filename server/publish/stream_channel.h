#ifndef REPLICAST_SERVER_PUBLISH_STREAM_CHANNEL_H_
#define REPLICAST_SERVER_PUBLISH_STREAM_CHANNEL_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/delivery/pacer.h"
#include "common/delivery/stream_sender.h"
#include "server/keys/key_sequence.h"
#include "server/publish/channel_table.h"
#include "server/publish/multicaster.h"
#include "server/rate/rate_controller.h"

namespace replicast {

// One stream on this run of the server: its sender, key sequence, rate, members and repair budget. One thread.
class StreamChannel {
 public:
  StreamChannel(const DefinitionHash& definition, const ChannelTable::Channel& channel,
                std::unique_ptr<keys::KeySequence> keys, const Multicaster::Options& options, absl::Time now);

  void Enqueue(const v1::UnitHeader& header, const wire::EncodedPart& part);
  // A serialized v1.SignedNotice.
  void Notify(const std::string& notice) { sender_.Enqueue(notice, v1::SYMBOL_CONTENT_NOTICE); }
  bool has_members() const { return !members_.empty(); }
  // Keys, rate, and the datagrams that may go now, which stay in pending() until Sent. When to be called again.
  absl::StatusOr<absl::Time> Tick(absl::Time now);
  std::vector<std::string>& pending() { return pending_; }

  bool HasMember(const MemberId& member) const { return members_.contains(member); }
  void SetMember(const MemberId& member, uint64_t max_rate);
  void RemoveMember(const MemberId& member);
  // It is a member, or was one of an epoch whose secret leads to the present one.
  bool MayKnowKeys(const MemberId& member) const { return may_know_keys_.contains(member); }
  // An epoch of a fresh secret begins; told to members alone, of which this one is none any more.
  absl::Status ReplaceKeysWithout(const MemberId& member, absl::Time now);

  keys::KeySequence& keys() { return *keys_; }
  rate::RateController& rate() { return rate_; }
  size_t queued_bytes() const { return sender_.queued_bytes(); }
  RepairResult Repair(const MemberId& member, const std::vector<delivery::SymbolSpan>& missing, absl::Time now);
  ChannelInfo Info() const;
  const std::string& group() const { return group_; }
  uint32_t stream_id() const { return stream_id_; }

 private:
  DefinitionHash definition_;
  uint32_t stream_id_;
  std::string group_;
  uint16_t port_;
  size_t frame_size_;
  std::unique_ptr<keys::KeySequence> keys_;
  rate::RateController rate_;
  delivery::StreamSender sender_;
  uint64_t sender_rate_;
  // A tenth of the stream's rate in all, half of that for one member.
  delivery::Pacer repairs_;
  std::map<MemberId, delivery::Pacer> repairs_of_member_;
  std::set<MemberId> members_, may_know_keys_;
  delivery::StreamFacts facts_;
  std::vector<std::string> pending_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_STREAM_CHANNEL_H_
