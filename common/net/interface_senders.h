#ifndef REPLICAST_COMMON_NET_INTERFACE_SENDERS_H_
#define REPLICAST_COMMON_NET_INTERFACE_SENDERS_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/net/datagram_transport.h"
#include "common/net/interfaces.h"

namespace replicast::net {

// Sends each datagram, the same bytes, out of each of several interfaces, which come and go and change their addresses
// meanwhile. One that is away, or whose link takes less than the others, loses what it does not take; none holds
// another up. One thread.
class InterfaceSenders : public DatagramSender {
 public:
  // Each name is an interface's. An error where none of them can send now: that of the first.
  static absl::StatusOr<std::unique_ptr<InterfaceSenders>> Open(const std::vector<std::string>& interfaces,
                                                                const SendingOptions& options);

  // How many the interface took that took most; all, where none is there.
  size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) override;

  // Opens what can be opened, and anew what changed. Lines for people: what became of each since it was told last.
  std::vector<std::string> Look();
  // Some interface is away: worth another look soon.
  bool incomplete() const;
  // The addresses that datagrams leave from, or did last: "10.0.0.1,10.1.0.1".
  std::string sources() const;
  // Each interface's name with its address of these; "": it was never there.
  std::vector<std::pair<std::string, std::string>> outs() const;

 private:
  struct One {
    std::string name;
    Interface as;  // as it was opened last
    std::unique_ptr<DatagramSender> sender;
    std::string told;  // what was wrong with it, as told last
  };
  explicit InterfaceSenders(const SendingOptions& options) : options_(options) {}
  absl::Status LookAt(One& one);

  const SendingOptions options_;
  std::vector<One> all_;
};

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_INTERFACE_SENDERS_H_
