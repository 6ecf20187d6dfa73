#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "common/base/limits.h"
#include "common/delivery/stream_receiver.h"
#include "common/delivery/stream_sender.h"

namespace replicast::delivery {
namespace {

constexpr uint32_t kStream = 77;

// A sender and a receiver with a channel between them that loses, doubles and reorders.
class Channel {
 public:
  explicit Channel(uint64_t seed, double loss = 0, size_t frame_size = 600)
      : random_(seed), loss_(loss), signing_(crypto::GenerateEd25519()) {
    StreamSender::Options options;
    options.stream_id = kStream;
    options.frame_size = frame_size;
    options.rate_bytes_per_second = 10'000'000;
    options.ring_bytes = 1 << 20;
    sender = std::make_unique<StreamSender>(options, now);
    StreamReceiver::Options receive;
    receive.stream_id = kStream;
    receive.definition.bytes[0] = 1;
    receive.signing_public_key = signing_.public_key;
    definition_ = receive.definition;
    receiver = std::make_unique<StreamReceiver>(receive, random_);
  }

  void BeginEpoch(uint32_t epoch, uint32_t incarnation = 1) {
    key_ = std::make_shared<wire::EpochKey>(kStream, epoch, random_.Bytes(32));
    sender->SetKey(key_);
    bundle_.set_stream_id(kStream);
    bundle_.set_definition_hash(definition_.ToBytes());
    bundle_.set_incarnation(incarnation);
    bundle_.clear_keys();
    auto& key = *bundle_.add_keys();
    key.set_epoch(epoch);
    key.set_secret(key_->secret());
    key.set_key_id(key_->id().ToBytes());
  }
  bool GiveKeys() { return receiver->SetKeys(bundle_, now); }
  v1::KeyBundle& bundle() { return bundle_; }

  void Step(absl::Duration by = absl::Milliseconds(1)) {
    now += by;
    std::vector<std::string> datagrams;
    sender->Poll(now, &datagrams);
    for (const std::string& each : datagrams) {
      seen.push_back(each);
      if (random_.Unit() < loss_) continue;
      in_flight_.push_back(each);
      if (random_.Unit() < loss_ / 2) in_flight_.push_back(each);
    }
    while (!in_flight_.empty()) {
      const size_t pick = random_.Unit() < loss_ ? random_.Below(in_flight_.size()) : 0;
      receiver->OnDatagram(in_flight_[pick], now);
      in_flight_.erase(in_flight_.begin() + static_cast<ptrdiff_t>(pick));
    }
    receiver->OnTime(now);
    const std::vector<SymbolSpan> missing = receiver->TakeRepair(now);
    if (!missing.empty()) {
      std::vector<std::string> frames;
      const bool there = sender->Repair(missing, &frames);
      for (const std::string& each : frames) receiver->OnDatagram(each, now);
      if (!there) receiver->GiveUpGaps();
      receiver->OnRepairAnswer(true, absl::ZeroDuration(), now);
    }
    for (std::string& message : receiver->TakeMessages()) messages.push_back(std::move(message));
  }

  absl::Time now = absl::FromUnixSeconds(1000);
  std::unique_ptr<StreamSender> sender;
  std::unique_ptr<StreamReceiver> receiver;
  std::vector<std::string> messages, seen;

 private:
  SeededRandom random_;
  double loss_;
  crypto::KeyPair signing_;
  DefinitionHash definition_;
  std::shared_ptr<wire::EpochKey> key_;
  v1::KeyBundle bundle_;
  std::deque<std::string> in_flight_;
};

uint64_t Count(const Channel& channel, FrameOutcome outcome) {
  return channel.receiver->counters().outcomes[static_cast<size_t>(outcome)];
}

TEST(StreamTest, MessagesArriveWholeAndInOrderThroughALossyChannel) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Channel channel(seed, 0.15);
    channel.BeginEpoch(1);
    ASSERT_TRUE(channel.GiveKeys());
    channel.Step();  // the first heartbeat or symbol says where the order begins
    while (channel.receiver->last_heard() == absl::InfinitePast()) channel.Step(absl::Milliseconds(20));
    SeededRandom random(seed);
    std::vector<std::string> sent;
    for (int i = 0; i < 200; ++i) {
      sent.push_back(random.Bytes(1 + random.Below(3000)));
      channel.sender->Enqueue(sent.back());
      if (i % 3 == 0) channel.Step();
    }
    for (int i = 0; i < 3000 && channel.messages.size() < sent.size(); ++i) channel.Step();
    ASSERT_EQ(channel.messages.size(), sent.size()) << "seed " << seed;
    EXPECT_EQ(channel.messages, sent) << "seed " << seed;
    EXPECT_GT(channel.receiver->counters().missing_symbols, 0u);
  }
}

TEST(StreamTest, NoFrameIsLargerThanTheFrameSizeAndNoSequenceIsUsedTwice) {
  for (const size_t frame_size : {limits::kMinFrameSize, limits::kDefaultFrameSize, limits::kMaxFrameSize}) {
    Channel channel(1, 0, frame_size);
    channel.BeginEpoch(1);
    ASSERT_TRUE(channel.GiveKeys());
    for (size_t size = 1; size < 3 * frame_size; size += 7) channel.sender->Enqueue(std::string(size, 'x'));
    for (int i = 0; i < 2000; ++i) channel.Step(absl::Milliseconds(50));
    std::set<uint64_t> sequences;
    size_t largest = 0;
    for (const std::string& each : channel.seen) {
      EXPECT_LE(each.size(), frame_size);
      largest = std::max(largest, each.size());
      EXPECT_TRUE(sequences.insert(wire::ParseFrame(each)->sequence).second);
    }
    EXPECT_EQ(largest, frame_size) << "padded heartbeats show an MTU hole";
  }
}

TEST(StreamTest, TheLossOfTheLastSymbolIsSeenByTheHeartbeat) {
  Channel channel(3);
  channel.BeginEpoch(1);
  ASSERT_TRUE(channel.GiveKeys());
  channel.Step();
  channel.sender->Enqueue("the only one");
  std::vector<std::string> lost;
  channel.now += absl::Milliseconds(1);
  channel.sender->Poll(channel.now, &lost);
  for (int i = 0; i < 50 && channel.messages.empty(); ++i) channel.Step();
  EXPECT_EQ(channel.messages, std::vector<std::string>{"the only one"});
}

TEST(StreamTest, ReplayedAndTamperedFramesAreCountedAndChangeNothing) {
  Channel channel(4);
  channel.BeginEpoch(1);
  ASSERT_TRUE(channel.GiveKeys());
  channel.Step();
  channel.sender->Enqueue("once");
  channel.Step();
  for (std::string each : channel.seen) {
    channel.receiver->OnDatagram(each, channel.now);
    each.back() = static_cast<char>(each.back() ^ 1);
    // A fresh sequence, so that it is not stopped as a replay.
    each[11] = static_cast<char>(each[11] + 100);
    channel.receiver->OnDatagram(each, channel.now);
  }
  channel.receiver->OnDatagram("garbage", channel.now);
  EXPECT_EQ(Count(channel, FrameOutcome::kReplayed), channel.seen.size());
  EXPECT_EQ(Count(channel, FrameOutcome::kNotAuthentic), channel.seen.size());
  EXPECT_EQ(Count(channel, FrameOutcome::kMalformed), 1u);
  EXPECT_EQ(channel.messages.size(), 1u);
  EXPECT_TRUE(channel.receiver->TakeMessages().empty());
}

TEST(StreamTest, FramesOfTheNextEpochWaitForTheirKey) {
  Channel channel(5);
  channel.BeginEpoch(1);
  ASSERT_TRUE(channel.GiveKeys());
  channel.Step();
  channel.BeginEpoch(2);
  channel.sender->Enqueue("under the new key");
  channel.Step();
  EXPECT_TRUE(channel.messages.empty());
  EXPECT_TRUE(channel.receiver->KeysWanted());
  ASSERT_TRUE(channel.GiveKeys());
  channel.Step();
  EXPECT_EQ(channel.messages, std::vector<std::string>{"under the new key"});
  EXPECT_FALSE(channel.receiver->KeysWanted());
}

TEST(StreamTest, AKeyThatDoesNotFitItsCommitmentIsRefused) {
  Channel channel(6);
  channel.BeginEpoch(1);
  channel.bundle().mutable_keys(0)->set_secret(std::string(32, 'x'));
  EXPECT_FALSE(channel.GiveKeys());
}

TEST(StreamTest, AMemberThatForgesFarNumbersDoesNotStopTheStream) {
  Channel channel(7);
  channel.BeginEpoch(1);
  ASSERT_TRUE(channel.GiveKeys());
  channel.Step();
  wire::EpochKey forger(kStream, 1, channel.bundle().keys(0).secret());
  for (uint64_t i = 0; i < 200; ++i) {
    v1::Payload payload;
    payload.mutable_symbol()->set_number((uint64_t{1} << 40) + i);
    payload.mutable_symbol()->set_content(v1::SYMBOL_CONTENT_UNIT_PART);
    payload.mutable_symbol()->set_first(true);
    payload.mutable_symbol()->set_last(true);
    payload.mutable_symbol()->set_data("forged");
    channel.receiver->OnDatagram(forger.Seal(1000 + i, payload.SerializeAsString()), channel.now);
  }
  for (int i = 0; i < 300; ++i) {
    channel.sender->Enqueue("real " + std::to_string(i));
    channel.Step();
  }
  EXPECT_TRUE(channel.receiver->TakeCatchUpWanted());
  ASSERT_FALSE(channel.messages.empty());
  EXPECT_EQ(channel.messages.back(), "real 299");
}

TEST(StreamTest, AForgedHeartbeatOfTheLastNumberOfAllBeforeAnythingElseDoesNotStopTheStream) {
  Channel channel(9);
  channel.BeginEpoch(1);
  ASSERT_TRUE(channel.GiveKeys());
  wire::EpochKey forger(kStream, 1, channel.bundle().keys(0).secret());
  v1::Payload payload;
  payload.mutable_heartbeat()->set_last_symbol(UINT64_MAX);
  EXPECT_EQ(channel.receiver->OnDatagram(forger.Seal(1000, payload.SerializeAsString()), channel.now),
            FrameOutcome::kBadPayload);
  for (int i = 0; i < 300; ++i) {
    channel.sender->Enqueue("real " + std::to_string(i));
    channel.Step();
  }
  ASSERT_FALSE(channel.messages.empty());
  EXPECT_EQ(channel.messages.back(), "real 299");
}

TEST(StreamTest, AGapThatIsNotRepairedIsGivenUpAndTheNewestAreKept) {
  Channel channel(8);
  channel.BeginEpoch(1);
  ASSERT_TRUE(channel.GiveKeys());
  channel.Step();
  ASSERT_TRUE(channel.receiver->TakeCatchUpWanted());
  channel.sender->Enqueue("lost");
  std::vector<std::string> lost;
  channel.now += absl::Milliseconds(1);
  channel.sender->Poll(channel.now, &lost);
  channel.sender->Enqueue("newest");
  std::vector<std::string> heard;
  channel.now += absl::Milliseconds(1);
  channel.sender->Poll(channel.now, &heard);
  for (const std::string& each : heard) channel.receiver->OnDatagram(each, channel.now);
  EXPECT_TRUE(channel.receiver->TakeMessages().empty());
  channel.receiver->OnTime(channel.now + limits::kRepairGiveUp);
  EXPECT_EQ(channel.receiver->TakeMessages(), std::vector<std::string>{"newest"});
  EXPECT_TRUE(channel.receiver->TakeCatchUpWanted());
}

TEST(FrameOutcomeTest, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(FrameOutcome::kCount); ++i)
    names.insert(OutcomeName(static_cast<FrameOutcome>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(FrameOutcome::kCount));
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(OutcomeName(FrameOutcome::kCount), "unknown");
}

}  // namespace
}  // namespace replicast::delivery
