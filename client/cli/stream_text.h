#ifndef REPLICAST_CLIENT_CLI_STREAM_TEXT_H_
#define REPLICAST_CLIENT_CLI_STREAM_TEXT_H_

#include <string>

#include "replicast/v1/admin_service.pb.h"

namespace replicast::cli {

// "239.192.0.1:7422", or that it has none.
inline std::string GroupText(const v1::Stream& stream) {
  return stream.group().empty() ? "none left: unicast" : stream.group() + ":" + std::to_string(stream.port());
}

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_STREAM_TEXT_H_
