#include "common/net/connection_acceptor.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "common/base/errors.h"

namespace replicast::net {
namespace {

class Connection {
 public:
  explicit Connection(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  }
  ~Connection() { close(socket_); }
  bool connected() const { return connected_; }
  // Waits, bounded, for the other side to close.
  bool ClosedByPeer() const {
    pollfd wanted{socket_, POLLIN, 0};
    char byte;
    return poll(&wanted, 1, 5000) == 1 && recv(socket_, &byte, 1, 0) <= 0;
  }

 private:
  int socket_;
  bool connected_ = false;
};

// Collects descriptors as the RPC library would.
class Taken {
 public:
  ~Taken() {
    for (const int descriptor : descriptors_) close(descriptor);
  }
  ConnectionAcceptor::Function function() {
    return [this](int descriptor) {
      const std::lock_guard lock(mutex_);
      descriptors_.push_back(descriptor);
      changed_.notify_all();
    };
  }
  bool WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return descriptors_.size() >= count; });
  }
  // As gRPC ends a connection: shutdown, then close.
  void End(size_t index) {
    const std::lock_guard lock(mutex_);
    shutdown(descriptors_[index], SHUT_RDWR);
    close(descriptors_[index]);
    descriptors_.erase(descriptors_.begin() + static_cast<long>(index));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> descriptors_;
};

std::unique_ptr<ConnectionAcceptor> Listening(Taken& taken, int most, int most_per_address, bool open = true) {
  auto acceptor = ConnectionAcceptor::Listen({"127.0.0.1:0", most, most_per_address}, open, taken.function());
  EXPECT_TRUE(acceptor.ok()) << acceptor.status();
  return *std::move(acceptor);
}

TEST(ConnectionAcceptorTest, HandsOnWhatConnects) {
  Taken taken;
  const auto acceptor = Listening(taken, 4, 4);
  const Connection connection(acceptor->port());
  EXPECT_TRUE(connection.connected());
  EXPECT_TRUE(taken.WaitFor(1));
}

TEST(ConnectionAcceptorTest, ClosesWhatIsBeyondTheCapAndTakesAgainWhenOneHasEnded) {
  Taken taken;
  const auto acceptor = Listening(taken, 2, 2);
  const Connection first(acceptor->port()), second(acceptor->port());
  ASSERT_TRUE(taken.WaitFor(2));
  const Connection third(acceptor->port());
  EXPECT_TRUE(third.ClosedByPeer());
  EXPECT_EQ(acceptor->refused(), 1u);
  taken.End(0);
  // The hang-up of the ended connection is seen before, or after, the next one comes: try until it is.
  bool taken_again = false;
  for (int i = 0; i < 1000 && !taken_again; ++i) {
    const Connection next(acceptor->port());
    taken_again = acceptor->connections() < 2 || !next.ClosedByPeer();
  }
  EXPECT_TRUE(taken_again);
}

TEST(ConnectionAcceptorTest, HasCountedARefusalWhenTheRefusedOneSeesIt) {
  Taken taken;
  const auto acceptor = Listening(taken, 4, 4, false);
  for (uint64_t refused = 1; refused <= 500; ++refused) {
    const Connection connection(acceptor->port());
    ASSERT_TRUE(connection.ClosedByPeer());
    ASSERT_EQ(acceptor->refused(), refused);
  }
}

TEST(ConnectionAcceptorTest, CapsEachAddress) {
  Taken taken;
  const auto acceptor = Listening(taken, 100, 1);
  const Connection first(acceptor->port());
  ASSERT_TRUE(taken.WaitFor(1));
  const Connection second(acceptor->port());
  EXPECT_TRUE(second.ClosedByPeer());
}

TEST(ConnectionAcceptorTest, ShutForStrangersItClosesAtOnceAndOpensAgain) {
  Taken taken;
  const auto acceptor = Listening(taken, 4, 4, false);
  const Connection early(acceptor->port());
  EXPECT_TRUE(early.ClosedByPeer());
  acceptor->SetOpen(true);
  const Connection later(acceptor->port());
  EXPECT_TRUE(taken.WaitFor(1));
}

TEST(ConnectionAcceptorTest, HangsUpOnAllThatLiveAndTakesNewOnes) {
  Taken taken;
  const auto acceptor = Listening(taken, 10, 10);
  const Connection first(acceptor->port()), second(acceptor->port());
  ASSERT_TRUE(taken.WaitFor(2));
  acceptor->HangUp();
  EXPECT_TRUE(first.ClosedByPeer());
  EXPECT_TRUE(second.ClosedByPeer());
  const Connection third(acceptor->port());
  EXPECT_TRUE(taken.WaitFor(3));
}

TEST(ConnectionAcceptorTest, SaysThatAPortIsInUse) {
  Taken taken;
  const auto acceptor = Listening(taken, 4, 4);
  const std::string address = "127.0.0.1:" + std::to_string(acceptor->port());
  const auto second = ConnectionAcceptor::Listen({address, 1, 1}, true, taken.function());
  EXPECT_EQ(ReasonOf(second.status()), "MACHINE_PORT_IN_USE");
  EXPECT_NE(std::string(second.status().message()).find(address), std::string::npos);
}

TEST(HostPortTest, ReadsBothKindsOfAddressAndRefusesTheRest) {
  const auto v4 = ParseHostPort("127.0.0.1:0");
  ASSERT_TRUE(v4.ok());
  EXPECT_EQ(v4->ToText(), "127.0.0.1:0");
  const auto v6 = ParseHostPort("[::1]:7420");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 7420);
  EXPECT_EQ(v6->ToText(), "[::1]:7420");
  for (const char* wrong : {"", ":", "127.0.0.1", "127.0.0.1:", ":7420", "127.0.0.1:70000", "host:1x", "[::1]",
                            "::1:7420", "[127.0.0.1]:1", "nowhere:7420", "127.0.0.1:-1", "127.0.0.1:999999999999"}) {
    EXPECT_EQ(ReasonOf(ParseHostPort(wrong).status()), "ADDRESS_INVALID") << wrong;
  }
}

}  // namespace
}  // namespace replicast::net
