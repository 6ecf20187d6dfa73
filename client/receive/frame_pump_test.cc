#include "client/receive/frame_pump.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/clock.h"
#include "common/base/errors.h"
#include "common/base/random.h"

namespace replicast {
namespace {

struct Group {
  std::string group;
  uint16_t port;
};

Group RandomGroup() {
  SystemRandom random;
  return {"239.195." + std::to_string(random.Below(256)) + "." + std::to_string(1 + random.Below(254)),
          static_cast<uint16_t>(20'000 + random.Below(12'000))};
}

// Runs the loop until `done`, at most five seconds.
void RunUntil(net::EventLoop& loop, const std::function<bool()>& done) {
  SystemClock clock;
  const absl::Time end = clock.Now() + absl::Seconds(5);
  loop.SetTick([&] {
    if (done() || clock.Now() >= end) loop.Stop();
    return end;
  });
  loop.Run();
}

TEST(FramePumpTest, CarriesTheGroupsDatagramsToTheSink) {
  net::EventLoop loop;
  std::vector<std::string> got;
  FramePump pump(loop, {.interface = "lo", .faults = {}},
                 [&](std::string_view datagram) { got.emplace_back(datagram); });
  Group group = RandomGroup();
  ASSERT_TRUE(pump.Listen(group.group, group.port, "127.0.0.1").ok());
  auto sender = net::OpenMulticastSender("lo", 1);
  ASSERT_TRUE(sender.ok());
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) sent.push_back(std::to_string(i));
  (*sender)->Send(group.group, group.port, sent);
  RunUntil(loop, [&] { return got.size() >= sent.size(); });
  EXPECT_EQ(got, sent);
}

TEST(FramePumpTest, LeavesTheOldGroupForTheNewOne) {
  net::EventLoop loop;
  std::vector<std::string> got;
  FramePump pump(loop, {.interface = "lo", .faults = {}},
                 [&](std::string_view datagram) { got.emplace_back(datagram); });
  Group one = RandomGroup(), two = RandomGroup();
  two.port = one.port;
  ASSERT_TRUE(pump.Listen(one.group, one.port, "127.0.0.1").ok());
  ASSERT_TRUE(pump.Listen(two.group, two.port, "127.0.0.1").ok());
  auto sender = net::OpenMulticastSender("lo", 1);
  ASSERT_TRUE(sender.ok());
  (*sender)->Send(one.group, one.port, {"old"});
  (*sender)->Send(two.group, two.port, {"new"});
  RunUntil(loop, [&] { return !got.empty(); });
  EXPECT_EQ(got, std::vector<std::string>{"new"});
}

TEST(FramePumpTest, SimulatedLossLosesSome) {
  net::EventLoop loop;
  size_t got = 0;
  bool end = false;
  FramePump pump(loop, {.interface = "lo", .faults = {.drop = 0.5, .seed = 3}}, [&](std::string_view) {
    ++got;
    end = true;
  });
  Group group = RandomGroup();
  ASSERT_TRUE(pump.Listen(group.group, group.port, "127.0.0.1").ok());
  auto sender = net::OpenMulticastSender("lo", 1);
  ASSERT_TRUE(sender.ok());
  (*sender)->Send(group.group, group.port, std::vector<std::string>(60, "x"));
  RunUntil(loop, [&] { return end && got >= 15; });
  EXPECT_GE(got, 15u);
  EXPECT_LE(got, 45u);
}

TEST(FramePumpTest, AWrongInterfaceIsAnErrorOfTheMachine) {
  net::EventLoop loop;
  FramePump pump(loop, {.interface = "nosuch0", .faults = {}}, [](std::string_view) {});
  EXPECT_EQ(ExitCodeFor(pump.Listen("239.195.1.1", 20'000, "")), ExitCode::kMachine);
}

}  // namespace
}  // namespace replicast
