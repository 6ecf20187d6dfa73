#include "common/net/free_port.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/errors.h"

namespace replicast::net {
namespace {

TEST(FreePortTest, ThePortCanBeBound) {
  const auto port = FreeUdpPort();
  ASSERT_TRUE(port.ok()) << port.status();
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  EXPECT_EQ(bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(descriptor);
}

TEST(FreePortTest, AMachineThatGivesNoSocketIsSaid) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit none = limit;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto port = FreeUdpPort();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(ReasonOf(port.status()), "MACHINE_NO_PORT");
}

}  // namespace
}  // namespace replicast::net
