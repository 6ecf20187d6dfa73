#include "server/publish/multicaster.h"

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "common/base/limits.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/crypto.h"
#include "common/wire/epoch_key.h"
#include "common/wire/frame_codec.h"

namespace replicast {
namespace {

class RecordingSender : public net::DatagramSender {
 public:
  size_t Send(const std::string& group, uint16_t, const std::vector<std::string>& datagrams) override {
    groups.insert(group);
    const size_t taken = std::min(datagrams.size(), most);
    sent.insert(sent.end(), datagrams.begin(), datagrams.begin() + static_cast<ptrdiff_t>(taken));
    return taken;
  }
  std::vector<std::string> sent;
  std::set<std::string> groups;
  size_t most = 100;
};

class MulticasterTest : public ::testing::Test {
 protected:
  // A run of a server over a state file.
  struct Run {
    std::unique_ptr<sqlite::Database> state;
    std::unique_ptr<SeededRandom> random;
    RecordingSender sender;
    std::unique_ptr<Multicaster> multicaster;
    std::map<uint32_t, std::string> secrets;  // by epoch
  };
  std::unique_ptr<Run> Start(const std::string& state, const std::string& groups = "239.192.0.0/14") {
    auto run = std::make_unique<Run>();
    run->state = *sqlite::Database::Open(folder_ + "/" + state, {.create = true});
    run->random = std::make_unique<SeededRandom>(++seed_);
    Multicaster::Options options;
    options.group_range = groups;
    options.frame_size = 600;
    options.rate_floor = 100'000;
    options.rate_ceiling = 10'000'000;
    options.rekey_every = absl::Minutes(1);
    run->multicaster = *Multicaster::Create(*run->state, signer_, clock_, *run->random, run->sender, options);
    StreamInfo info;
    info.definition_hash = stream_;
    run->multicaster->OnStreamReady(info);
    return run;
  }
  void Tick(Run* run) {
    run->multicaster->Tick();
    Learn(run);
    clock_.Advance(absl::Milliseconds(7));
  }
  void Learn(Run* run) {
    const absl::StatusOr<v1::KeyBundle> bundle = run->multicaster->Keys(stream_);
    if (!bundle.ok()) return;  // a newcomer's ratchet is due
    for (const v1::EpochKey& key : bundle->keys()) run->secrets[key.epoch()] = key.secret();
  }
  void Publish(Run* run, size_t bytes) {
    v1::UnitHeader header;
    header.set_last_lsn(++lsn_ << 16);
    run->multicaster->OnUnitPart(stream_, header, random_.Bytes(bytes));
  }
  // Every frame that the run sent, repairs included: a key and a nonce with one content, whatever other runs sent.
  void Judge(const Run& run) {
    for (const std::string& datagram : run.sender.sent) {
      const std::optional<wire::FrameView> frame = wire::ParseFrame(datagram);
      ASSERT_TRUE(frame.has_value());
      const auto secret = run.secrets.find(frame->key_epoch);
      // An epoch that went by between two looks: nobody else could learn its secret either.
      const std::string key = secret != run.secrets.end()
                                  ? secret->second
                                  : absl::StrCat(reinterpret_cast<uintptr_t>(&run), "/", frame->key_epoch);
      if (secret != run.secrets.end()) ++judged_;
      if (frame->is_key_update) continue;
      const auto [content, fresh] = sealed_.emplace(std::pair(key, frame->sequence), datagram);
      EXPECT_TRUE(fresh) << "epoch " << frame->key_epoch << ", sequence " << frame->sequence << " twice";
    }
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  ManualClock clock_;
  SeededRandom random_{5};
  uint64_t seed_ = 0, lsn_ = 0;
  crypto::KeyPair signing_ = crypto::GenerateEd25519();
  wire::Signer signer_{signing_.private_key};
  const DefinitionHash stream_ = random_.Identifier<DefinitionHash>();
  std::map<std::pair<std::string, uint64_t>, std::string> sealed_;
  size_t judged_ = 0;
};

TEST_F(MulticasterTest, AStreamKeepsItsGroupUntilTheRangeIsAnotherOne) {
  const auto group = [&](const Run& run) { return run.multicaster->Channel(stream_)->group; };
  const auto first = Start("state");
  const std::string before = group(*first);
  EXPECT_EQ(group(*Start("state")), before);
  const auto moved = Start("state", "ff15::/96");
  EXPECT_TRUE(group(*moved).starts_with("ff15::")) << group(*moved);
  EXPECT_EQ(moved->multicaster->Channel(stream_)->stream_id, first->multicaster->Channel(stream_)->stream_id);
  EXPECT_GT(moved->multicaster->Channel(stream_)->incarnation, first->multicaster->Channel(stream_)->epoch)
      << "no epoch is used again";
  EXPECT_EQ(group(*Start("state", "ff15::/96")), group(*moved));
}

TEST_F(MulticasterTest, NoStartAndNoCopyOfTheStateUsesAKeyAndANonceTwice) {
  std::vector<std::unique_ptr<Run>> runs;
  for (int round = 0; round < 12; ++round) {
    // Sometimes a copy taken a run earlier takes the state's place: a restored backup, a cloned machine.
    const std::string state = folder_ + "/state", copy = folder_ + "/copy";
    if (round % 3 == 2) {
      std::filesystem::copy_file(copy, state, std::filesystem::copy_options::overwrite_existing);
    } else if (round > 0) {
      std::filesystem::copy_file(state, copy, std::filesystem::copy_options::overwrite_existing);
    }
    runs.push_back(Start("state"));
    Run* run = runs.back().get();
    Learn(run);
    std::vector<MemberId> members;
    for (int step = 0; step < 400; ++step) {
      switch (random_.Below(12)) {
        case 0:
          members.push_back(random_.Identifier<MemberId>());
          run->multicaster->Join(stream_, members.back(), 0);
          break;
        case 1:
          if (members.empty()) break;
          ASSERT_TRUE(run->multicaster->Revoke(members.back()).ok());
          members.pop_back();
          break;
        case 2:
          if (random_.Below(10) > 0) break;
          ASSERT_TRUE(run->multicaster->Rekey(stream_).ok());
          break;
        case 3: {
          if (members.empty()) break;
          const std::optional<ChannelInfo> channel = run->multicaster->Channel(stream_);
          const absl::StatusOr<RepairResult> repaired = run->multicaster->Repair(
              channel->stream_id, channel->incarnation, members[0], {{1 + random_.Below(50), 1 + random_.Below(90)}});
          if (!repaired.ok()) break;
          run->sender.sent.insert(run->sender.sent.end(), repaired->frames.begin(), repaired->frames.end());
          break;
        }
        case 4:
          run->sender.most = random_.Below(20);
          break;
        default:
          Publish(run, random_.Below(3000));
      }
      Tick(run);
    }
    run->state.reset();  // before the file is copied; nothing of the run is left but what it sent
  }
  for (const auto& run : runs) Judge(*run);
  EXPECT_GT(judged_, 5000u);
}

TEST_F(MulticasterTest, AStartGoesOnWithTheGroupAndBeginsALaterEpoch) {
  auto first = Start("state");
  Publish(first.get(), 100);
  Tick(first.get());
  const ChannelInfo before = *first->multicaster->Channel(stream_);
  first.reset();
  auto second = Start("state");
  const ChannelInfo after = *second->multicaster->Channel(stream_);
  EXPECT_EQ(after.group, before.group);
  EXPECT_EQ(after.stream_id, before.stream_id);
  EXPECT_GT(after.epoch, before.epoch);
  EXPECT_EQ(after.incarnation, after.epoch);
}

TEST_F(MulticasterTest, IsCongestedWhileTheSocketTakesNothingAndLosesNothing) {
  auto run = Start("state");
  run->sender.most = 0;
  for (int i = 0; i < 200 && !run->multicaster->Congested(); ++i) Publish(run.get(), 100'000);
  EXPECT_TRUE(run->multicaster->Congested());
  run->sender.most = 100;
  for (int i = 0; i < 100'000 && run->multicaster->Channel(stream_)->queued_bytes > 0; ++i) Tick(run.get());
  EXPECT_FALSE(run->multicaster->Congested());
  EXPECT_EQ(run->multicaster->Channel(stream_)->counters.messages, lsn_);
  Judge(*run);
}

TEST_F(MulticasterTest, OnlyMembersAreRepairedAndOnlyOfThisRun) {
  auto run = Start("state");
  const MemberId member = random_.Identifier<MemberId>();
  run->multicaster->Join(stream_, member, 0);
  Publish(run.get(), 100);
  for (int i = 0; i < 10; ++i) Tick(run.get());
  const ChannelInfo channel = *run->multicaster->Channel(stream_);
  const auto repaired = run->multicaster->Repair(channel.stream_id, channel.incarnation, member, {{1, 1}});
  ASSERT_TRUE(repaired.ok()) << repaired.status();
  EXPECT_EQ(repaired->outcome, RepairResult::Outcome::kFrames);
  EXPECT_EQ(repaired->frames.size(), 1u);
  EXPECT_FALSE(run->multicaster->Repair(channel.stream_id + 1, channel.incarnation, member, {{1, 1}}).ok());
  const auto other_run = run->multicaster->Repair(channel.stream_id, channel.incarnation + 7, member, {{1, 1}});
  EXPECT_TRUE(!other_run.ok() || other_run->outcome == RepairResult::Outcome::kCatchUp);
}

// Whoever holds a key opens the update to the next one, whether or not it still counts as a member.
TEST_F(MulticasterTest, AMemberThatWasSilentForLongAndIsRevokedThenHasNoKeyToTheNextEpoch) {
  const std::unique_ptr<Run> run = Start("silent");
  const MemberId member = random_.Identifier<MemberId>();
  run->multicaster->Join(stream_, member, 0);
  Tick(run.get());
  run->multicaster->Leave(stream_, member);
  const KeyId before = run->multicaster->Channel(stream_)->key_id;
  ASSERT_TRUE(run->multicaster->Revoke(member).ok());
  Tick(run.get());
  const KeyId after = run->multicaster->Channel(stream_)->key_id;
  EXPECT_NE(before, after);
  ASSERT_TRUE(run->multicaster->Revoke(member).ok());
  Tick(run.get());
  EXPECT_EQ(run->multicaster->Channel(stream_)->key_id, after) << "nobody is to be kept out any more";
}

}  // namespace
}  // namespace replicast
