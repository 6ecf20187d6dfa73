#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "common/base/errors.h"
#include "common/base/random.h"
#include "common/net/datagram_transport.h"
#include "common/net/interfaces.h"

namespace replicast::net {
namespace {

using ::testing::HasSubstr;

// A group and port that no other test run uses now, most likely.
GroupAddress RandomGroup() {
  SystemRandom random;
  return {.group = "239.195." + std::to_string(random.Below(256)) + "." + std::to_string(1 + random.Below(254)),
          .port = static_cast<uint16_t>(20'000 + random.Below(12'000)),
          .interface = "lo",
          .source = ""};
}

// Receives until `count` came or nothing comes for two seconds.
std::vector<std::string> ReceiveAll(DatagramReceiver& receiver, size_t count) {
  std::vector<std::string> got;
  while (got.size() < count) {
    pollfd waiting{receiver.descriptor(), POLLIN, 0};
    if (poll(&waiting, 1, 2000) != 1) break;
    receiver.Receive(1000, [&](std::string_view datagram) { got.emplace_back(datagram); });
  }
  return got;
}

TEST(MulticastTest, EveryReceiverOfTheGroupGetsEveryDatagramInOrder) {
  GroupAddress group = RandomGroup();
  auto first = OpenMulticastReceiver(group);
  auto second = OpenMulticastReceiver(group);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(sender.ok()) << sender.status();
  std::vector<std::string> sent;
  for (int i = 0; i < 200; ++i) sent.push_back("datagram " + std::to_string(i) + std::string(1000, '.'));
  EXPECT_EQ((*sender)->Send(group.group, group.port, sent), sent.size());
  EXPECT_EQ(ReceiveAll(**first, sent.size()), sent);
  EXPECT_EQ(ReceiveAll(**second, sent.size()), sent);
  EXPECT_EQ((*first)->dropped(), 0u);
}

TEST(MulticastTest, DatagramsOfOtherGroupsOnThePortStayOut) {
  GroupAddress mine = RandomGroup(), other = mine;
  other.group = "239.194.77.77";
  auto receiver = OpenMulticastReceiver(mine);
  auto other_receiver = OpenMulticastReceiver(other);
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(receiver.ok() && other_receiver.ok() && sender.ok());
  (*sender)->Send(other.group, other.port, {"not for us"});
  (*sender)->Send(mine.group, mine.port, {"for us"});
  EXPECT_EQ(ReceiveAll(**receiver, 1), std::vector<std::string>{"for us"});
}

TEST(MulticastTest, TakesOnlyTheSourceAskedFor) {
  GroupAddress group = RandomGroup();
  group.source = "127.0.0.1";
  auto right = OpenMulticastReceiver(group);
  group.source = "127.0.0.9";
  auto wrong = OpenMulticastReceiver(group);
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(right.ok() && wrong.ok() && sender.ok());
  (*sender)->Send(group.group, group.port, {"hello"});
  EXPECT_EQ(ReceiveAll(**right, 1).size(), 1u);
  EXPECT_EQ((*wrong)->Receive(10, [](std::string_view) {}), 0u);
}

TEST(MulticastTest, TakesEachOfSeveralSources) {
  GroupAddress group = RandomGroup();
  group.source = "127.0.0.9,127.0.0.1";
  auto receiver = OpenMulticastReceiver(group);
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(receiver.ok() && sender.ok()) << receiver.status();
  (*sender)->Send(group.group, group.port, {"hello"});
  EXPECT_EQ(ReceiveAll(**receiver, 1).size(), 1u);
}

TEST(MulticastTest, AnotherSourceIsTakenWhileTheNamedOneIsSilent) {
  GroupAddress group = RandomGroup();
  group.source = "127.0.0.9";
  auto receiver = OpenMulticastReceiver(group);
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(receiver.ok() && sender.ok());
  std::vector<std::string> got;
  for (int i = 0; i < 100 && got.empty(); ++i) {
    (*sender)->Send(group.group, group.port, {"hello"});
    pollfd waiting{(*receiver)->descriptor(), POLLIN, 0};
    poll(&waiting, 1, 100);
    (*receiver)->Receive(10, [&](std::string_view datagram) { got.emplace_back(datagram); });
    EXPECT_TRUE(i > 20 || got.empty()) << "not at once";
  }
  EXPECT_FALSE(got.empty());
}

TEST(MulticastTest, ASourceSpecificGroupIsJoinedForItsSourceAlone) {
  GroupAddress group = RandomGroup();
  group.group.replace(0, 3, "232");
  group.source = "127.0.0.1";
  auto right = OpenMulticastReceiver(group);
  ASSERT_TRUE(right.ok()) << right.status();
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(sender.ok());
  (*sender)->Send(group.group, group.port, {"hello"});
  EXPECT_EQ(ReceiveAll(**right, 1).size(), 1u);
  group.source = "";
  EXPECT_EQ(ReasonOf(OpenMulticastReceiver(group).status()), "GROUP_INVALID") << "without a source";
}

TEST(MulticastTest, SourcesThatMakeNoSenseAreRefused) {
  GroupAddress group = RandomGroup();
  std::string many = "127.0.0.1";
  for (int i = 0; i < 20; ++i) many += ",127.0.0.1";
  for (const std::string& wrong : {std::string("nowhere"),
                                   std::string("127.0.0.1,"
                                               "x"),
                                   std::string("fd00::1"), std::string("239.1.2.3"), many}) {
    group.source = wrong;
    EXPECT_EQ(ReasonOf(OpenMulticastReceiver(group).status()), "GROUP_INVALID") << wrong;
  }
}

TEST(MulticastTest, Ipv6OnLoopbackIsRefusedAndSaysWhy) {
  const auto sender = OpenMulticastSender("lo", SendingOptions{.v6 = true});
  EXPECT_EQ(ReasonOf(sender.status()), "MACHINE_NO_MULTICAST");
  EXPECT_THAT(std::string(sender.status().message()), HasSubstr("carries no IPv6 multicast"));
}

TEST(MulticastTest, ServiceCodeAndHopsAreTaken) {
  EXPECT_TRUE(OpenMulticastSender("lo", SendingOptions{.ttl = 7, .dscp = 46}).ok());
}

TEST(MulticastTest, WhatAReceiverIsJoinedByStaysTheSameWhileNothingChanges) {
  GroupAddress group = RandomGroup();
  const auto one = JoinedBy(group), other = JoinedBy(group);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(*one, *other);
  EXPECT_THAT(*one, HasSubstr("lo"));
  group.interface = "nosuch0";
  EXPECT_EQ(ReasonOf(JoinedBy(group).status()), "MACHINE_NO_INTERFACE");
}

TEST(MulticastTest, TheInterfaceFollowsFromTheSource) {
  GroupAddress group = RandomGroup();
  group.interface = "";
  group.source = "127.0.0.1";
  auto receiver = OpenMulticastReceiver(group);
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(receiver.ok() && sender.ok());
  (*sender)->Send(group.group, group.port, {"hello"});
  EXPECT_EQ(ReceiveAll(**receiver, 1).size(), 1u);
}

TEST(MulticastTest, ADatagramTooLargeForThePathIsLostAndTheRestGoes) {
  GroupAddress group = RandomGroup();
  auto receiver = OpenMulticastReceiver(group);
  auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(receiver.ok() && sender.ok());
  EXPECT_EQ((*sender)->Send(group.group, group.port, {"before", std::string(66'000, 'x'), "after"}), 3u);
  EXPECT_EQ(ReceiveAll(**receiver, 2), (std::vector<std::string>{"before", "after"}));
}

TEST(MulticastTest, AnUnknownInterfaceIsNamedWithThoseThatWork) {
  auto sender = OpenMulticastSender("nosuch0", 1);
  ASSERT_FALSE(sender.ok());
  EXPECT_EQ(ReasonOf(sender.status()), "MACHINE_NO_INTERFACE");
  EXPECT_EQ(ExitCodeFor(sender.status()), ExitCode::kMachine);
  EXPECT_THAT(std::string(sender.status().message()), HasSubstr("no interface nosuch0"));
  EXPECT_THAT(std::string(sender.status().message()), HasSubstr("lo"));
  GroupAddress group = RandomGroup();
  group.interface = "nosuch0";
  EXPECT_EQ(ReasonOf(OpenMulticastReceiver(group).status()), "MACHINE_NO_INTERFACE");
}

TEST(MulticastTest, APortThatAnotherProgramHoldsAloneIsSaid) {
  GroupAddress group = RandomGroup();
  int holder = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(group.port);
  at.sin_addr.s_addr = htonl(INADDR_ANY);
  ASSERT_EQ(bind(holder, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  auto receiver = OpenMulticastReceiver(group);
  ASSERT_FALSE(receiver.ok());
  EXPECT_EQ(ReasonOf(receiver.status()), "MACHINE_PORT_IN_USE");
  EXPECT_THAT(std::string(receiver.status().message()), HasSubstr(std::to_string(group.port)));
  close(holder);
}

TEST(MulticastTest, AGroupThatIsNoneIsRefused) {
  GroupAddress group = RandomGroup();
  group.group = "10.1.2.3";
  EXPECT_EQ(ReasonOf(OpenMulticastReceiver(group).status()), "GROUP_INVALID");
  EXPECT_EQ(ReasonOf(ParseGroup("hello").status()), "GROUP_INVALID");
  EXPECT_EQ(ReasonOf(ParseGroup("fe80::1").status()), "GROUP_INVALID");
  EXPECT_TRUE(ParseGroup("ff15::8000:1").ok());
}

TEST(InterfacesTest, LoopbackSendsFromItsAddress) {
  auto source = SourceAddress("lo");
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(*source, "127.0.0.1");
  auto found = FindInterfaceTowards({*IpAddress::Parse("127.3.4.5")});
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->name, "lo");
}

TEST(InterfacesTest, ThereIsADefaultOne) {
  auto name = DefaultInterface();
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_TRUE(FindInterface(*name).ok());
}

}  // namespace
}  // namespace replicast::net
