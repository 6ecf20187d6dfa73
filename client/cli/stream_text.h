#ifndef REPLICAST_CLIENT_CLI_STREAM_TEXT_H_
#define REPLICAST_CLIENT_CLI_STREAM_TEXT_H_

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <string>

#include "common/base/encoding.h"
#include "replicast/v1/admin_service.pb.h"

namespace replicast::cli {

// "239.192.0.1:7422", or that it has none.
inline std::string GroupText(const v1::Stream& stream) {
  return stream.group().empty() ? "none left: unicast" : stream.group() + ":" + std::to_string(stream.port());
}

// "edge (ab12cd34…, granted until 12:03:10) → hq (cd34…)": the servers up to the master's, the one that is asked first.
inline std::string PathText(const google::protobuf::RepeatedPtrField<v1::PathServer>& path) {
  std::string text;
  for (const v1::PathServer& server : path) {
    v1::GrantStatement granted;
    const bool relay = granted.ParseFromString(server.signed_grant().statement()) && granted.has_expires_at();
    std::string name = server.display_name();
    std::erase_if(name, [](const unsigned char c) { return c < ' ' || c == 0x7f; });
    absl::StrAppend(
        &text, text.empty() ? "" : " → ", name, " (", HexEncode(server.server_id()).substr(0, 8), "…",
        relay ? ", granted until " + absl::FormatTime("%H:%M:%S", absl::FromUnixSeconds(granted.expires_at().seconds()),
                                                      absl::LocalTimeZone())
              : "",
        ")");
  }
  return text;
}

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_STREAM_TEXT_H_
