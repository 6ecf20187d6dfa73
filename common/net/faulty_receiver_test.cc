#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

#include "common/net/datagram_transport.h"

namespace replicast::net {
namespace {

class QueueReceiver : public DatagramReceiver {
 public:
  explicit QueueReceiver(int count) : left_(count) {}
  size_t Receive(size_t most, const Function& function) override {
    size_t given = 0;
    for (; given < most && left_ > 0; ++given, --left_) function(std::to_string(next_++));
    return given;
  }
  int descriptor() const override { return 7; }
  uint64_t dropped() const override { return 3; }

 private:
  int left_, next_ = 0;
};

std::vector<int> Pass(int count, const Faults& faults) {
  auto receiver = WithFaults(std::make_unique<QueueReceiver>(count), faults);
  std::vector<int> got;
  size_t given =
      receiver->Receive(1'000'000, [&](std::string_view datagram) { got.push_back(std::stoi(std::string(datagram))); });
  EXPECT_EQ(given, got.size());
  return got;
}

TEST(FaultyReceiverTest, WithoutFaultsEverythingComesOnceInOrder) {
  std::vector<int> got = Pass(1000, {});
  ASSERT_EQ(got.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
}

TEST(FaultyReceiverTest, DropsAboutTheShareAskedFor) {
  std::vector<int> got = Pass(20'000, {.drop = 0.05});
  EXPECT_NEAR(static_cast<double>(got.size()), 19'000, 300);
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
}

TEST(FaultyReceiverTest, DoublesAboutTheShareAskedFor) {
  std::vector<int> got = Pass(20'000, {.duplicate = 0.1});
  EXPECT_NEAR(static_cast<double>(got.size()), 22'000, 400);
  EXPECT_EQ(std::set<int>(got.begin(), got.end()).size(), 20'000u);
}

TEST(FaultyReceiverTest, ReordersWithinAFewPlacesAndLosesNothing) {
  std::vector<int> got = Pass(20'000, {.reorder = 0.1});
  EXPECT_FALSE(std::is_sorted(got.begin(), got.end()));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_LE(std::abs(got[i] - static_cast<int>(i)), 6);
  // At most the last few may still be waiting for a later datagram.
  EXPECT_GE(got.size(), 19'995u);
}

TEST(FaultyReceiverTest, TheSameSeedGivesTheSameFaults) {
  Faults faults{.drop = 0.1, .duplicate = 0.1, .reorder = 0.1, .seed = 42};
  EXPECT_EQ(Pass(1000, faults), Pass(1000, faults));
  Faults other = faults;
  other.seed = 43;
  EXPECT_NE(Pass(1000, faults), Pass(1000, other));
}

}  // namespace
}  // namespace replicast::net
