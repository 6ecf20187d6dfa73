#include "common/net/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "common/base/errors.h"

namespace replicast::net {

absl::StatusOr<uint16_t> FreeUdpPort() {
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  const bool good = descriptor >= 0 && bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (good) return ntohs(address.sin_port);
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_PORT",
               std::string("no UDP port is free: ") + std::strerror(error));
}

}  // namespace replicast::net
