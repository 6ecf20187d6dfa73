#include "common/net/interface_senders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "common/base/errors.h"
#include "common/base/random.h"

namespace replicast::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

GroupAddress RandomGroup() {
  SystemRandom random;
  return {.group = "239.195." + std::to_string(random.Below(256)) + "." + std::to_string(1 + random.Below(254)),
          .port = static_cast<uint16_t>(20'000 + random.Below(12'000)),
          .interface = "lo",
          .source = ""};
}

TEST(InterfaceSendersTest, OneThatIsAwayHoldsTheOthersUpInNothingAndIsToldOnce) {
  auto senders = InterfaceSenders::Open({"lo", "nosuch0"}, {});
  ASSERT_TRUE(senders.ok()) << senders.status();
  EXPECT_TRUE((*senders)->incomplete());
  EXPECT_EQ((*senders)->sources(), "127.0.0.1");
  EXPECT_THAT((*senders)->Look(), ElementsAre(HasSubstr("no interface nosuch0")));
  EXPECT_THAT((*senders)->Look(), IsEmpty());
  const GroupAddress group = RandomGroup();
  auto receiver = OpenMulticastReceiver(group);
  ASSERT_TRUE(receiver.ok()) << receiver.status();
  EXPECT_EQ((*senders)->Send(group.group, group.port, {"hello"}), 1u);
  pollfd waiting{(*receiver)->descriptor(), POLLIN, 0};
  ASSERT_EQ(poll(&waiting, 1, 2000), 1);
  EXPECT_EQ((*receiver)->Receive(10, [](std::string_view datagram) { EXPECT_EQ(datagram, "hello"); }), 1u);
}

TEST(InterfaceSendersTest, WhereNoneCanSendTheFirstIsBlamed) {
  const auto senders = InterfaceSenders::Open({"nosuch0", "nosuch1"}, {});
  EXPECT_EQ(ReasonOf(senders.status()), "MACHINE_NO_INTERFACE");
  EXPECT_THAT(std::string(senders.status().message()), HasSubstr("nosuch0"));
}

TEST(InterfaceSendersTest, FramesThatTheInterfaceDoesNotTakeAreSaid) {
  auto senders = InterfaceSenders::Open({"lo"}, {.frame_size = 100'000});
  ASSERT_TRUE(senders.ok()) << senders.status();
  EXPECT_THAT((*senders)->Look(), ElementsAre(HasSubstr("set frame_size to ")));
  EXPECT_FALSE((*senders)->incomplete());
}

}  // namespace
}  // namespace replicast::net
