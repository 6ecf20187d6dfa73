#ifndef REPLICAST_COMMON_NET_CONNECTION_ACCEPTOR_H_
#define REPLICAST_COMMON_NET_CONNECTION_ACCEPTOR_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace replicast::net {

// Accepts TCP connections on one address, on a thread of its own, and hands their descriptors on. It knows how many of
// them live, whoever owns them by then: it keeps a duplicate of each descriptor, which the kernel marks as hung up once
// the connection is over. At a cap (in all, or from one address) a new connection is closed at once; so it is while the
// acceptor is shut for strangers (SetOpen(false)), without a byte read. Running out of descriptors costs the newcomer
// its connection, never the listener.
class ConnectionAcceptor {
 public:
  struct Options {
    std::string address;  // "127.0.0.1:7420", "[::1]:0"; port 0: any
    int most = 0;         // connections
    int most_per_address = 0;
  };
  // The descriptor (non-blocking) is the receiver's from now on. Called on the acceptor's thread.
  using Function = std::function<void(int descriptor)>;

  // INVALID_ARGUMENT (ADDRESS_INVALID); FAILED_PRECONDITION (MACHINE_PORT_IN_USE, MACHINE_ADDRESS).
  static absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> Listen(const Options& options, bool open,
                                                                    Function accepted);
  ~ConnectionAcceptor();
  ConnectionAcceptor(const ConnectionAcceptor&) = delete;
  ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;

  uint16_t port() const;
  // Thread safe. What is connected stays connected.
  void SetOpen(bool open);
  // Thread safe. Hangs up on all that live, whoever owns them: what is being written to them fails at once.
  void HangUp();
  // Thread safe; as they were a moment ago.
  uint64_t connections() const;
  uint64_t refused() const;

 private:
  struct State;
  explicit ConnectionAcceptor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// "host:port" with a numeric IPv4 address (or "localhost"), or an IPv6 one in brackets → its parts. INVALID_ARGUMENT
// (ADDRESS_INVALID).
struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
  std::string ToText() const;
};
absl::StatusOr<HostPort> ParseHostPort(const std::string& text);

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_CONNECTION_ACCEPTOR_H_
