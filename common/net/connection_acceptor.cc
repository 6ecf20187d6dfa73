#include "common/net/connection_acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <thread>
#include <utility>

#include "common/base/errors.h"

namespace replicast::net {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::string HostOf(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address = storage.ss_family == AF_INET6
                            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr)
                            : static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(storage).sin_addr);
  inet_ntop(storage.ss_family, address, text.data(), text.size());
  return text.data();
}

uint16_t PortOf(const sockaddr_storage& storage) {
  return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

bool Resolve(const HostPort& at, SocketAddress* out) {
  auto& v4 = reinterpret_cast<sockaddr_in&>(out->storage);
  if (inet_pton(AF_INET, at.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(at.port);
    out->size = sizeof v4;
    return true;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out->storage);
  if (inet_pton(AF_INET6, at.host.c_str(), &v6.sin6_addr) != 1) return false;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(at.port);
  out->size = sizeof v6;
  return true;
}

absl::Status ListenError(const std::string& address, int error) {
  if (error == EADDRINUSE) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "MACHINE_PORT_IN_USE",
        "can't listen on " + address + ": another program uses this port; end it, or choose another port (0: any)");
  }
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_ADDRESS",
               "can't listen on " + address + ": " + std::strerror(error) + "; choose an address of this machine");
}

int SpareDescriptor() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

// `hosts` (the duplicates, and whose they are) belongs to the thread.
struct ConnectionAcceptor::State {
  Options options;
  Function accepted;
  int listener = -1, wake = -1, epoll = -1;
  int spare = -1;  // given up for a moment when descriptors run out, so that the newcomer can be told
  uint16_t port = 0;
  std::atomic<bool> open{false}, stopping{false}, hanging_up{false};
  std::atomic<uint64_t> connections{0}, refused{0};
  std::map<int, std::string> hosts;
  std::map<std::string, int> per_host;
  std::thread thread;

  ~State() {
    if (thread.joinable()) {
      stopping = true;
      Wake();
      thread.join();
    }
    for (const auto& [duplicate, host] : hosts) close(duplicate);
    for (const int descriptor : {listener, wake, epoll, spare}) {
      if (descriptor >= 0) close(descriptor);
    }
  }

  void Wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake, &one, sizeof one);
  }

  bool Add(int descriptor, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
  }

  void Run() {
    std::array<epoll_event, 64> events;
    while (!stopping) {
      const int count = epoll_wait(epoll, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int descriptor = events[i].data.fd;
        if (descriptor == listener)
          AcceptSome();
        else if (descriptor == wake)
          HangUpIfAsked();
        else
          Forget(descriptor);
      }
    }
  }

  void HangUpIfAsked() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t drained = read(wake, &count, sizeof count);
    if (!hanging_up.exchange(false)) return;
    for (const auto& [duplicate, host] : hosts) shutdown(duplicate, SHUT_RDWR);
  }

  void Forget(int duplicate) {
    const auto found = hosts.find(duplicate);
    if (found == hosts.end()) return;
    const auto of_host = per_host.find(found->second);
    if (--of_host->second == 0) per_host.erase(of_host);
    hosts.erase(found);
    close(duplicate);
    connections = hosts.size();
  }

  void AcceptSome() {
    constexpr int kMostInARow = 64;
    for (int i = 0; i < kMostInARow; ++i) {
      SocketAddress peer;
      peer.size = sizeof peer.storage;
      const int descriptor = accept4(listener, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor >= 0) {
        Take(descriptor, HostOf(peer.storage));
        continue;
      }
      if (errno == EMFILE || errno == ENFILE)
        TurnAway();
      else if (errno != EINTR && errno != ECONNABORTED)
        return;
    }
  }

  // No descriptor is left: the spare one makes room to accept and close, else epoll would report it for ever.
  void TurnAway() {
    close(std::exchange(spare, -1));
    const int descriptor = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ++refused;
    if (descriptor >= 0) close(descriptor);
    spare = SpareDescriptor();
  }

  void Take(int descriptor, std::string host) {
    const auto of_host = per_host.find(host);
    const bool full = static_cast<int>(hosts.size()) >= options.most ||
                      (of_host != per_host.end() && of_host->second >= options.most_per_address);
    // Only hang-ups and errors are reported for it: no events are asked for.
    const int duplicate = open && !full ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : -1;
    if (duplicate < 0 || !Add(duplicate, 0)) {
      if (duplicate >= 0) close(duplicate);
      ++refused;
      close(descriptor);
      return;
    }
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++per_host[host];
    hosts.emplace(duplicate, std::move(host));
    connections = hosts.size();
    accepted(descriptor);
  }
};

ConnectionAcceptor::ConnectionAcceptor(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConnectionAcceptor::~ConnectionAcceptor() = default;

absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> ConnectionAcceptor::Listen(const Options& options, bool open,
                                                                               Function accepted) {
  ASSIGN_OR_RETURN(const HostPort at, ParseHostPort(options.address));
  SocketAddress address;
  REPLICAST_CHECK(Resolve(at, &address));
  auto state = std::make_unique<State>();
  state->options = options;
  state->accepted = std::move(accepted);
  state->open = open;
  state->listener = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (state->listener < 0) return ListenError(options.address, errno);
  const int on = 1;
  setsockopt(state->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  if (bind(state->listener, address.get(), address.size) != 0 || listen(state->listener, SOMAXCONN) != 0 ||
      getsockname(state->listener, bound.get(), &bound.size) != 0) {
    return ListenError(options.address, errno);
  }
  state->port = PortOf(bound.storage);
  state->epoll = epoll_create1(EPOLL_CLOEXEC);
  state->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state->spare = SpareDescriptor();
  if (state->epoll < 0 || state->wake < 0 || !state->Add(state->listener, EPOLLIN) ||
      !state->Add(state->wake, EPOLLIN)) {
    return ListenError(options.address, errno);
  }
  state->thread = std::thread([raw = state.get()] { raw->Run(); });
  return std::unique_ptr<ConnectionAcceptor>(new ConnectionAcceptor(std::move(state)));
}

uint16_t ConnectionAcceptor::port() const { return state_->port; }
void ConnectionAcceptor::SetOpen(bool open) { state_->open = open; }
void ConnectionAcceptor::HangUp() {
  state_->hanging_up = true;
  state_->Wake();
}
uint64_t ConnectionAcceptor::connections() const { return state_->connections; }
uint64_t ConnectionAcceptor::refused() const { return state_->refused; }

std::string HostPort::ToText() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

absl::StatusOr<HostPort> ParseHostPort(const std::string& text) {
  HostPort result;
  const size_t colon = text.rfind(':');
  bool good = colon != std::string::npos && colon > 0 && colon + 1 < text.size() && text.size() - colon <= 6;
  if (good) {
    result.host = text.substr(0, colon);
    if (result.host == "localhost") result.host = "127.0.0.1";
    const bool bracketed = result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']';
    if (bracketed) result.host = result.host.substr(1, result.host.size() - 2);
    unsigned port = 0;
    for (const char digit : text.substr(colon + 1)) {
      good = good && digit >= '0' && digit <= '9';
      port = port * 10 + static_cast<unsigned>(digit - '0');
    }
    SocketAddress ignored;
    good = good && port <= 65535 && Resolve({result.host, 0}, &ignored) &&
           bracketed == (result.host.find(':') != std::string::npos);
    result.port = static_cast<uint16_t>(port);
  }
  if (good) return result;
  return Error(
      absl::StatusCode::kInvalidArgument, "ADDRESS_INVALID",
      "'" + text + "' is no address: it looks like 192.0.2.7:7420 or [2001:db8::7]:7420; port 0 takes any free one");
}

}  // namespace replicast::net
