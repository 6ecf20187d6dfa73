#include "common/net/datagram_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace replicast::net {
namespace {

bool Readable(int descriptor) {
  pollfd waiting{descriptor, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1;
}

TEST(DatagramQueueTest, GivesDatagramsInOrder) {
  DatagramQueue queue(1000);
  queue.Push({"a", "b"});
  queue.Push({"c"});
  std::vector<std::string> taken;
  queue.Take(2, &taken);
  EXPECT_EQ(taken, (std::vector<std::string>{"a", "b"}));
  queue.Take(2, &taken);
  EXPECT_EQ(taken, (std::vector<std::string>{"c"}));
}

TEST(DatagramQueueTest, IsReadableWhileItHoldsSomething) {
  DatagramQueue queue(1000);
  EXPECT_FALSE(Readable(queue.descriptor()));
  queue.Push({"a", "b"});
  EXPECT_TRUE(Readable(queue.descriptor()));
  std::vector<std::string> taken;
  queue.Take(1, &taken);
  EXPECT_TRUE(Readable(queue.descriptor()));
  queue.Take(1, &taken);
  EXPECT_FALSE(Readable(queue.descriptor()));
}

TEST(DatagramQueueTest, DropsTheOldestWhenFullAndCountsThem) {
  DatagramQueue queue(400);
  std::string datagram(50, 'x');
  for (char name = 'a'; name <= 'h'; ++name) {
    datagram[0] = name;
    queue.Push({datagram});
  }
  EXPECT_EQ(queue.dropped(), 4u);
  EXPECT_LE(queue.bytes(), 400u);
  std::vector<std::string> taken;
  queue.Take(10, &taken);
  ASSERT_EQ(taken.size(), 4u);
  EXPECT_EQ(taken.front()[0], 'e');
  EXPECT_EQ(taken.back()[0], 'h');
}

}  // namespace
}  // namespace replicast::net
