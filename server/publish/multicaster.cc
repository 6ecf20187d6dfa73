#include "server/publish/multicaster.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "server/publish/channel_table.h"
#include "server/publish/group_range.h"
#include "server/publish/stream_channel.h"

namespace replicast {
namespace {

// Beyond this the publisher waits, so that its units merge instead of queueing.
constexpr size_t kCongestedBytes = 1 << 20;
// When the socket was full, or the state could not be written.
constexpr absl::Duration kTryAgain = absl::Milliseconds(1);
constexpr absl::Duration kTryStateAgain = absl::Seconds(1);

absl::Status UnknownStream() {
  return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "this server sends no such stream now; subscribe again");
}

class ChannelMulticaster : public Multicaster {
 public:
  ChannelMulticaster(ChannelTable table, GroupRange range, const wire::Signer& signer, Clock& clock, Random& random,
                     net::DatagramSender& sender, const Options& options)
      : table_(std::move(table)),
        range_(range),
        signer_(signer),
        clock_(clock),
        random_(random),
        sender_(sender),
        options_(options) {}

  // --- UnitListener
  void OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader& header, const wire::EncodedPart& part) override {
    // A history unit can come before the stream is told to be ready.
    if (StreamChannel* channel = FindOrOpen(stream)) {
      channel->Enqueue(header, part);
      NoteQueue(stream, *channel);
    }
  }
  bool TakesMore() const override { return !Congested(); }
  void OnStreamReady(const StreamInfo& stream) override { FindOrOpen(stream.definition_hash); }
  void OnStreamStopped(const StreamInfo& stream) override { Close(stream.definition_hash); }

  absl::Time Tick() override;
  bool Congested() const override { return !congested_.empty(); }

  std::optional<ChannelInfo> Channel(const DefinitionHash& stream) const override {
    const auto found = channels_.find(stream);
    return found == channels_.end() ? std::nullopt : std::optional<ChannelInfo>(found->second->Info());
  }
  std::optional<ChannelInfo> ChannelById(uint32_t stream_id) const override {
    const auto found = by_id_.find(stream_id);
    return found == by_id_.end() ? std::nullopt : Channel(found->second);
  }

  void Join(const DefinitionHash& stream, const MemberId& member, uint64_t max_rate) override;
  void Leave(const DefinitionHash& stream, const MemberId& member) override;
  absl::StatusOr<v1::KeyBundle> Keys(const DefinitionHash& stream) override;
  absl::StatusOr<uint32_t> Rekey(const DefinitionHash& stream) override;
  absl::Status Revoke(const MemberId& member) override;
  void Notify(const std::string& notice) override;
  absl::StatusOr<RepairResult> Repair(uint32_t stream_id, uint32_t incarnation, const MemberId& member,
                                      const std::vector<delivery::SymbolSpan>& missing) override;
  absl::StatusOr<v1::ReportResponse> Report(uint32_t stream_id, const MemberId& member,
                                            const v1::ReceptionReport& report) override;

 private:
  // For whoever changes something of it: it is looked at by the next Tick.
  StreamChannel* Find(const DefinitionHash& stream) {
    const auto found = channels_.find(stream);
    if (found == channels_.end()) return nullptr;
    SetDue(stream, absl::InfinitePast());
    return found->second.get();
  }
  StreamChannel* FindById(uint32_t stream_id) {
    const auto found = by_id_.find(stream_id);
    return found == by_id_.end() ? nullptr : Find(found->second);
  }
  StreamChannel* FindOrOpen(const DefinitionHash& stream);
  absl::StatusOr<std::unique_ptr<StreamChannel>> Open(const DefinitionHash& stream);
  absl::StatusOr<ChannelTable::Channel> Allocate(const DefinitionHash& stream);
  void Close(const DefinitionHash& stream);
  void SetDue(const DefinitionHash& stream, absl::Time due);
  void NoteQueue(const DefinitionHash& stream, const StreamChannel& channel);
  // What may go now; when it is due again.
  absl::Time TickOne(const DefinitionHash& stream, StreamChannel& channel);
  // False: the socket took only some.
  bool Send(StreamChannel& channel);

  ChannelTable table_;
  GroupRange range_;
  const wire::Signer& signer_;
  Clock& clock_;
  Random& random_;
  net::DatagramSender& sender_;
  Options options_;
  std::map<DefinitionHash, std::unique_ptr<StreamChannel>> channels_;
  // Of the same streams: a thousand that are idle cost nothing but their heartbeats.
  std::map<uint32_t, DefinitionHash> by_id_;
  std::map<DefinitionHash, absl::Time> due_;
  std::set<std::pair<absl::Time, DefinitionHash>> in_order_of_due_;
  std::set<DefinitionHash> congested_;
  std::set<DefinitionHash> unicast_;  // that have no channel; the reason was said
};

StreamChannel* ChannelMulticaster::FindOrOpen(const DefinitionHash& stream) {
  if (StreamChannel* channel = Find(stream)) return channel;
  absl::StatusOr<std::unique_ptr<StreamChannel>> channel = Open(stream);
  if (!channel.ok()) {
    if (unicast_.insert(stream).second)
      spdlog::warn("stream {} is followed by unicast: {}", stream.ToHex().substr(0, 8),
                   std::string(channel.status().message()));
    return nullptr;
  }
  unicast_.erase(stream);
  by_id_[(*channel)->stream_id()] = stream;
  SetDue(stream, absl::InfinitePast());
  return channels_.emplace(stream, *std::move(channel)).first->second.get();
}

void ChannelMulticaster::Close(const DefinitionHash& stream) {
  unicast_.erase(stream);
  const auto found = channels_.find(stream);
  if (found == channels_.end()) return;
  by_id_.erase(found->second->stream_id());
  in_order_of_due_.erase({due_.at(stream), stream});
  due_.erase(stream);
  congested_.erase(stream);
  channels_.erase(found);
}

void ChannelMulticaster::SetDue(const DefinitionHash& stream, absl::Time due) {
  const auto [at, added] = due_.try_emplace(stream, due);
  if (!added) in_order_of_due_.erase({std::exchange(at->second, due), stream});
  in_order_of_due_.insert({due, stream});
}

void ChannelMulticaster::NoteQueue(const DefinitionHash& stream, const StreamChannel& channel) {
  if (channel.queued_bytes() > kCongestedBytes) {
    congested_.insert(stream);
  } else {
    congested_.erase(stream);
  }
}

absl::StatusOr<std::unique_ptr<StreamChannel>> ChannelMulticaster::Open(const DefinitionHash& stream) {
  ASSIGN_OR_RETURN(const ChannelTable::Channel channel, Allocate(stream));
  keys::KeySequence::Options options;
  options.stream_id = channel.stream_id;
  options.definition = stream;
  options.rekey_every = options_.rekey_every;
  const auto remember = [this, stream](uint32_t epoch) { return table_.RememberEpoch(stream, epoch); };
  ASSIGN_OR_RETURN(auto keys,
                   keys::KeySequence::Begin(options, channel.last_epoch, remember, signer_, random_, clock_.Now()));
  auto opened = std::make_unique<StreamChannel>(stream, channel, std::move(keys), options_, clock_.Now());
  ASSIGN_OR_RETURN(const auto members, table_.Members(stream));
  for (const auto& [member, max_rate] : members) opened->SetMember(member, max_rate);
  return opened;
}

absl::StatusOr<ChannelTable::Channel> ChannelMulticaster::Allocate(const DefinitionHash& stream) {
  ASSIGN_OR_RETURN(const std::optional<ChannelTable::Channel> known, table_.Find(stream));
  if (known && range_.Contains(known->group)) return *known;
  ASSIGN_OR_RETURN(const std::set<std::string> used, table_.Groups());
  const auto group = range_.Allocate(used, random_);
  if (!group) {
    return Error(absl::StatusCode::kResourceExhausted, "GROUPS_USED_UP",
                 "every group of " + options_.group_range + " is used; set a larger range in replicastd.toml");
  }
  ChannelTable::Channel channel = known.value_or(ChannelTable::Channel());
  channel.group = *group;
  if (known) {  // the range is another one now
    RETURN_IF_ERROR(table_.SetGroup(stream, *group));
    return channel;
  }
  while (channel.stream_id == 0 || by_id_.contains(channel.stream_id))
    channel.stream_id = static_cast<uint32_t>(random_.Next());
  RETURN_IF_ERROR(table_.Add(stream, channel));
  return channel;
}

bool ChannelMulticaster::Send(StreamChannel& channel) {
  std::vector<std::string>& pending = channel.pending();
  const size_t sent = sender_.Send(channel.group(), options_.port, pending);
  pending.erase(pending.begin(), pending.begin() + static_cast<ptrdiff_t>(std::min(sent, pending.size())));
  return pending.empty();
}

absl::Time ChannelMulticaster::TickOne(const DefinitionHash& stream, StreamChannel& channel) {
  while (true) {
    const absl::Time now = clock_.Now();
    const absl::StatusOr<absl::Time> next = channel.Tick(now);
    if (!next.ok()) {
      spdlog::error("stream {}: {}", stream.ToHex().substr(0, 8), std::string(next.status().message()));
      return now + kTryStateAgain;
    }
    const bool had_some = !channel.pending().empty();
    if (had_some && !Send(channel)) return now + kTryAgain;
    if (!had_some || *next > now) return *next;
  }
}

absl::Time ChannelMulticaster::Tick() {
  std::vector<DefinitionHash> due;
  const absl::Time now = clock_.Now();
  for (const auto& [when, stream] : in_order_of_due_) {
    if (when > now) break;
    due.push_back(stream);
  }
  for (const DefinitionHash& stream : due) {
    StreamChannel& channel = *channels_.at(stream);
    SetDue(stream, TickOne(stream, channel));
    NoteQueue(stream, channel);
  }
  return in_order_of_due_.empty() ? absl::InfiniteFuture() : in_order_of_due_.begin()->first;
}

void ChannelMulticaster::Join(const DefinitionHash& stream, const MemberId& member, uint64_t max_rate) {
  StreamChannel* channel = FindOrOpen(stream);  // a group may have become free
  if (channel == nullptr) return;
  if (!channel->HasMember(member)) {
    const absl::StatusOr<bool> ratcheted = channel->keys().Ratchet(clock_.Now());
    if (!ratcheted.ok())
      spdlog::error("a join could not ratchet the key: {}", std::string(ratcheted.status().message()));
  }
  channel->SetMember(member, max_rate);
  if (absl::Status status = table_.SetMember(stream, member, max_rate); !status.ok()) {
    spdlog::error("a member could not be remembered: {}", std::string(status.message()));
  }
}

void ChannelMulticaster::Leave(const DefinitionHash& stream, const MemberId& member) {
  if (StreamChannel* channel = Find(stream)) channel->RemoveMember(member);
  if (absl::Status status = table_.RemoveMember(stream, member); !status.ok()) {
    spdlog::error("a member could not be forgotten: {}", std::string(status.message()));
  }
}

absl::StatusOr<v1::KeyBundle> ChannelMulticaster::Keys(const DefinitionHash& stream) {
  StreamChannel* channel = Find(stream);
  if (channel == nullptr) return UnknownStream();
  if (channel->keys().ratchet_owed()) {
    return Error(absl::StatusCode::kUnavailable, "KEYS_SOON",
                 "the stream's key is about to change for those who join; ask again in a second");
  }
  return channel->keys().Bundle();
}

absl::StatusOr<uint32_t> ChannelMulticaster::Rekey(const DefinitionHash& stream) {
  StreamChannel* channel = Find(stream);
  if (channel == nullptr) return UnknownStream();
  return channel->keys().Rekey(clock_.Now());
}

void ChannelMulticaster::Notify(const std::string& notice) {
  for (auto& [hash, channel] : channels_) {
    if (!channel->has_members()) continue;
    channel->Notify(notice);
    SetDue(hash, absl::InfinitePast());
  }
}

absl::Status ChannelMulticaster::Revoke(const MemberId& member) {
  absl::Status result;
  for (auto& [hash, channel] : channels_) {
    if (!channel->MayKnowKeys(member)) continue;
    SetDue(hash, absl::InfinitePast());
    result.Update(channel->ReplaceKeysWithout(member, clock_.Now()));
    Leave(hash, member);
  }
  return result;
}

absl::StatusOr<RepairResult> ChannelMulticaster::Repair(uint32_t stream_id, uint32_t incarnation,
                                                        const MemberId& member,
                                                        const std::vector<delivery::SymbolSpan>& missing) {
  StreamChannel* channel = FindById(stream_id);
  if (channel == nullptr) return UnknownStream();
  if (missing.size() > limits::kMaxRepairRanges) {
    return Error(absl::StatusCode::kInvalidArgument, "REPAIR_TOO_LARGE",
                 "a repair names at most " + std::to_string(limits::kMaxRepairRanges) + " ranges");
  }
  // Symbols of an earlier run are gone.
  if (incarnation != channel->keys().incarnation()) return RepairResult{};
  return channel->Repair(member, missing, clock_.Now());
}

absl::StatusOr<v1::ReportResponse> ChannelMulticaster::Report(uint32_t stream_id, const MemberId& member,
                                                              const v1::ReceptionReport& report) {
  StreamChannel* channel = FindById(stream_id);
  if (channel == nullptr) return UnknownStream();
  channel->rate().OnReport(member, report.expected_symbols(), report.missing_symbols(), clock_.Now());
  v1::ReportResponse response;
  response.set_rate_bytes_per_second(channel->rate().rate());
  response.set_next_report_seconds(static_cast<uint32_t>(absl::ToInt64Seconds(limits::kReportIdle)));
  return response;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Multicaster>> Multicaster::Create(sqlite::Database& state, const wire::Signer& signer,
                                                                 Clock& clock, Random& random,
                                                                 net::DatagramSender& sender, const Options& options) {
  if (options.frame_size < limits::kMinFrameSize || options.frame_size > limits::kMaxFrameSize) {
    return Error(absl::StatusCode::kInvalidArgument, "USAGE_FRAME_SIZE",
                 "frame_size must be between " + std::to_string(limits::kMinFrameSize) + " and " +
                     std::to_string(limits::kMaxFrameSize));
  }
  if (options.rate_floor == 0 || options.rate_floor > options.rate_ceiling) {
    return Error(absl::StatusCode::kInvalidArgument, "USAGE_RATE",
                 "rate_floor must be above 0 and not above rate_ceiling");
  }
  ASSIGN_OR_RETURN(GroupRange range, GroupRange::Parse(options.group_range));
  ASSIGN_OR_RETURN(ChannelTable table, ChannelTable::Open(state));
  return std::unique_ptr<Multicaster>(
      std::make_unique<ChannelMulticaster>(std::move(table), range, signer, clock, random, sender, options));
}

}  // namespace replicast
