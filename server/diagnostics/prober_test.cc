#include "server/diagnostics/prober.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "common/wire/probe_datagram.h"

namespace replicast {
namespace {

struct Sent {
  absl::Time at;
  uint8_t kind;
  uint32_t number;
  size_t bytes;
};

class FakeSender : public net::DatagramSender {
 public:
  FakeSender(std::vector<Sent>& sent, const absl::Time& now, const size_t& room)
      : sent_(sent), now_(now), room_(room) {}
  size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) override {
    EXPECT_EQ(group, "239.192.1.2");
    EXPECT_EQ(port, 7422);
    const size_t count = std::min(datagrams.size(), room_);
    for (size_t i = 0; i < count; ++i) {
      const auto probe = wire::ParseProbe(datagrams[i]);
      EXPECT_TRUE(probe && probe->nonce == "0123456789abcdef");
      sent_.push_back({now_, probe->kind, probe->number, datagrams[i].size()});
    }
    return count;
  }

 private:
  std::vector<Sent>& sent_;
  const absl::Time& now_;
  const size_t& room_;
};

class ProberTest : public testing::Test {
 protected:
  Prober Make(uint64_t rate, absl::Duration duration) {
    return {{"0123456789abcdef", "239.192.1.2", 7422, 1372, rate, duration},
            std::make_unique<FakeSender>(sent_, now_, room_),
            now_};
  }
  // Steps in virtual time until all is sent.
  void Run(Prober& prober) {
    for (int i = 0; i < 100'000; ++i) {
      const absl::Time next = prober.Tick(now_);
      if (next == absl::InfiniteFuture()) return;
      ASSERT_GT(next, now_);
      now_ = next;
    }
    FAIL() << "it never ends";
  }
  std::map<int, int> Counts() const {
    std::map<int, int> counts;
    for (const Sent& each : sent_) ++counts[each.kind];
    return counts;
  }
  absl::Time now_ = absl::FromUnixSeconds(1000);
  const absl::Time begun_ = now_;
  size_t room_ = 1000;
  std::vector<Sent> sent_;
};

TEST_F(ProberTest, SendsSmallAndFullOnesByTurnsThenABurst) {
  Prober prober = Make(125'000'000, absl::Seconds(4));
  Run(prober);
  EXPECT_EQ(Counts(), (std::map<int, int>{{1, 20}, {2, 20}, {3, 200}}));
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(sent_[i].kind, i % 2 == 0 ? v1::PROBE_KIND_SMALL : v1::PROBE_KIND_FULL);
    EXPECT_EQ(sent_[i].number, i / 2);
    EXPECT_EQ(sent_[i].bytes, i % 2 == 0 ? Prober::kSmallBytes : 1372u);
    EXPECT_EQ(sent_[i].at - begun_, absl::Milliseconds(100) * i);
  }
  EXPECT_EQ(sent_[40].at - begun_, absl::Seconds(4));
}

TEST_F(ProberTest, SendsTheBurstAtTheStreamsRate) {
  Prober prober = Make(1'000'000, absl::Seconds(1));
  Run(prober);
  const double seconds = absl::ToDoubleSeconds(sent_.back().at - sent_[40].at);
  EXPECT_NEAR(seconds, (200 - 8) * 1372 / 1e6, 0.01);  // the last eight go at once
}

TEST_F(ProberTest, EndsWithinTwoSecondsOfBurstHoweverSlowTheStreamIs) {
  Prober prober = Make(10'000, absl::Seconds(1));
  Run(prober);
  EXPECT_EQ(Counts()[3], 14);
  EXPECT_LE(now_ - begun_, absl::Seconds(1) + Prober::kLongestBurst);
}

TEST_F(ProberTest, TakesNoDurationFromTheCallerBeyondItsBounds) {
  Prober long_one = Make(1'000'000, absl::Hours(24));
  Run(long_one);
  EXPECT_LE(now_ - begun_, Prober::kLongest + Prober::kLongestBurst);
  EXPECT_LE(sent_.size(), 240u);
  sent_.clear();
  const absl::Time begun = now_;
  Prober short_one = Make(1'000'000, absl::ZeroDuration());
  Run(short_one);
  EXPECT_GE(now_ - begun, Prober::kShortest);
}

TEST_F(ProberTest, SendsLaterWhatAFullSocketDoesNotTake) {
  Prober prober = Make(125'000'000, absl::Seconds(1));
  room_ = 5;
  Run(prober);
  EXPECT_EQ(Counts(), (std::map<int, int>{{1, 20}, {2, 20}, {3, 200}}));
  for (size_t i = 40; i < sent_.size(); ++i) EXPECT_EQ(sent_[i].number, i - 40);
}

TEST_F(ProberTest, TellsWhatItSentSoFar) {
  Prober prober = Make(2'000'000, absl::Seconds(2));
  prober.Tick(now_);
  EXPECT_EQ(prober.Progress().counts(0).sent(), 1u);
  EXPECT_EQ(prober.Progress().counts(1).sent(), 0u);
  EXPECT_FALSE(prober.Progress().complete());
  Run(prober);
  const v1::ProbeResponse told = prober.Progress();
  EXPECT_TRUE(told.complete());
  EXPECT_EQ(told.rate_bytes_per_second(), 2'000'000u);
  EXPECT_EQ(told.counts(2).kind(), v1::PROBE_KIND_BURST);
  EXPECT_EQ(told.counts(2).bytes(), 1372u);
  EXPECT_EQ(told.counts(2).sent(), 200u);
}

}  // namespace
}  // namespace replicast
