#include "client/session/held_messages.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

TEST(HeldMessagesTest, KeepsMessagesInOrder) {
  HeldMessages held(1000);
  held.Push("a");
  held.Push("b");
  held.Push("c");
  held.Pop(1);
  EXPECT_EQ(held.messages(), (std::deque<std::string>{"b", "c"}));
}

TEST(HeldMessagesTest, TheOldestGoWhenThereIsNoRoom) {
  HeldMessages held(1000);
  for (char name = 'a'; name < 'k'; ++name) held.Push(std::string(200, name));
  EXPECT_LE(held.bytes(), 1000u);
  EXPECT_EQ(held.messages().back()[0], 'j');
  EXPECT_EQ(held.messages().front()[0], 'h');
  EXPECT_EQ(held.dropped(), 7u);
  held.Clear();
  EXPECT_EQ(held.bytes(), 0u);
}

}  // namespace
}  // namespace replicast
