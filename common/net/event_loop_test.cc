#include "common/net/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

#include "common/base/clock.h"

namespace replicast::net {
namespace {

TEST(EventLoopTest, RunsPostedWorkInOrder) {
  EventLoop loop;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) loop.Post([&order, i] { order.push_back(i); });
  loop.Post([&loop] { loop.Stop(); });
  loop.Run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(EventLoopTest, RunsWorkFromOtherThreads) {
  EventLoop loop;
  int count = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.Post([&] { ++count; });
    loop.Post([&] { loop.Stop(); });
  });
  loop.Run();
  other.join();
  EXPECT_EQ(count, 1000);
}

TEST(EventLoopTest, DestroysWorkThatIsPostedAfterStop) {
  EventLoop loop;
  loop.Stop();
  auto token = std::make_shared<int>(1);
  bool ran = false;
  loop.Post([token, &ran] { ran = true; });
  EXPECT_EQ(token.use_count(), 1);
  loop.Run();
  EXPECT_FALSE(ran);
}

TEST(EventLoopTest, DestroysWorkThatStopLeftOver) {
  auto token = std::make_shared<int>(1);
  bool ran = false;
  {
    EventLoop loop;
    loop.Post([&loop] { loop.Stop(); });
    loop.Post([token, &ran] { ran = true; });
    loop.Run();
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(EventLoopTest, CallsForReadableDescriptors) {
  EventLoop loop;
  int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int calls = 0;
  loop.Watch(descriptor, [&] {
    // Level triggered: it comes again until it is read.
    if (++calls < 3) return;
    uint64_t count;
    ASSERT_EQ(read(descriptor, &count, sizeof count), static_cast<ssize_t>(sizeof count));
    loop.Stop();
  });
  uint64_t one = 1;
  ASSERT_EQ(write(descriptor, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  loop.Run();
  EXPECT_EQ(calls, 3);
  close(descriptor);
}

TEST(EventLoopTest, ACallbackMayUnwatchItself) {
  EventLoop loop;
  int descriptor = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  int calls = 0;
  loop.Watch(descriptor, [&] {
    ++calls;
    loop.Unwatch(descriptor);
    loop.Post([&] { loop.Stop(); });
  });
  loop.Run();
  EXPECT_EQ(calls, 1);
  close(descriptor);
}

TEST(EventLoopTest, TicksAtTheTimeAskedFor) {
  EventLoop loop;
  SystemClock clock;
  const absl::Time start = clock.Now();
  std::vector<absl::Time> ticks;
  loop.SetTick([&] {
    ticks.push_back(clock.Now());
    if (ticks.size() == 4) loop.Stop();
    return start + absl::Microseconds(700) * static_cast<int>(ticks.size());
  });
  loop.Run();
  ASSERT_EQ(ticks.size(), 4u);
  for (int i = 1; i < 4; ++i) EXPECT_GE(ticks[i], start + absl::Microseconds(700) * i);
}

TEST(EventLoopTest, TicksAfterPostedWork) {
  EventLoop loop;
  int ticks = 0;
  bool worked = false;
  loop.SetTick([&] {
    ++ticks;
    if (worked) loop.Stop();
    return absl::InfiniteFuture();
  });
  loop.Post([&] { worked = true; });
  loop.Run();
  EXPECT_TRUE(worked);
  EXPECT_EQ(ticks, 2);
}

}  // namespace
}  // namespace replicast::net
