#include "common/net/probe_socket.h"

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/net/datagram_transport.h"
#include "common/net/free_port.h"

namespace replicast::net {
namespace {

TEST(ProbeSocketTest, HearsWhatIsSentToItsGroupAndFromWhom) {
  const uint16_t port = *FreeUdpPort();
  const auto socket = ProbeSocket::Open("239.192.77.1", port, "lo", "");
  ASSERT_TRUE(socket.ok()) << socket.status();
  const auto sender = OpenMulticastSender("lo", 1);
  ASSERT_TRUE(sender.ok()) << sender.status();
  ASSERT_EQ((*sender)->Send("239.192.77.1", port, {"one", std::string(1372, 'x')}), 2u);
  std::vector<size_t> sizes;
  const absl::Time deadline = absl::Now() + absl::Seconds(5);
  while (sizes.size() < 2 && absl::Now() < deadline) {
    WaitReadable({(*socket)->descriptor()}, 100);
    (*socket)->Receive(10, [&](const ProbeSocket::Datagram& datagram) {
      sizes.push_back(datagram.payload.size());
      EXPECT_EQ(datagram.sender, "127.0.0.1");
      EXPECT_EQ(datagram.ttl, 1);
    });
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{3, 1372}));
  EXPECT_EQ((*socket)->dropped(), 0u);
  EXPECT_GT((*socket)->buffer_bytes(), 10'000);
}

TEST(ProbeSocketTest, SaysWhatTheKernelRefuses) {
  EXPECT_EQ(ReasonOf(ProbeSocket::Open("10.0.0.1", 7422, "lo", "").status()), "GROUP_INVALID");
  EXPECT_EQ(ReasonOf(ProbeSocket::Open("239.192.77.1", 7422, "nothing0", "").status()), "MACHINE_NO_MULTICAST");
}

}  // namespace
}  // namespace replicast::net
