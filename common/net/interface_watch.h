#ifndef REPLICAST_COMMON_NET_INTERFACE_WATCH_H_
#define REPLICAST_COMMON_NET_INTERFACE_WATCH_H_

#include <absl/status/statusor.h>

#include <memory>

namespace replicast::net {

// Tells that interfaces of this machine came, went, or changed their state or addresses; not which. One thread.
class InterfaceWatch {
 public:
  // FAILED_PRECONDITION (MACHINE_NO_NETLINK).
  static absl::StatusOr<std::unique_ptr<InterfaceWatch>> Open();
  ~InterfaceWatch();
  InterfaceWatch(const InterfaceWatch&) = delete;
  InterfaceWatch& operator=(const InterfaceWatch&) = delete;

  // Readable when there is news.
  int descriptor() const { return descriptor_; }
  // Takes the news.
  void Drain();

 private:
  explicit InterfaceWatch(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_INTERFACE_WATCH_H_
