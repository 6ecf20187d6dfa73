#ifndef REPLICAST_CLIENT_CLI_STREAM_TEXT_H_
#define REPLICAST_CLIENT_CLI_STREAM_TEXT_H_

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <string>

#include "common/base/encoding.h"
#include "replicast/v1/admin_service.pb.h"

namespace replicast::cli {

// "239.192.0.1:7422", "[ff15::8000:1]:7422", or that it has none.
inline std::string GroupText(const v1::Stream& stream) {
  if (stream.group().empty()) return "none left: unicast";
  const bool v6 = stream.group().find(':') != std::string::npos;
  return (v6 ? "[" + stream.group() + "]" : stream.group()) + ":" + std::to_string(stream.port());
}

inline std::string UnicastReasonText(v1::UnicastReason reason) {
  switch (reason) {
    case v1::UNICAST_REASON_CHOSEN:
      return "told to";
    case v1::UNICAST_REASON_SILENCE:
      return "no multicast arrives";
    case v1::UNICAST_REASON_DISTRUST:
      return "multicast was forged";
    case v1::UNICAST_REASON_NO_GROUP:
      return "no group left";
    case v1::UNICAST_REASON_RATE:
      return "too fast for them";
    case v1::UNICAST_REASON_MACHINE:
      return "can't join the group";
    case v1::UNICAST_REASON_NARROW:
      return "only short frames arrive";
    default:
      return "no reason told";
  }
}

// "3", or "3, 2 by unicast".
inline std::string MembersText(const v1::Stream& stream) {
  uint32_t by_unicast = 0;
  for (const v1::TransportCount& count : stream.transports())
    by_unicast += count.transport() == v1::TRANSPORT_UNICAST ? count.members() : 0;
  return std::to_string(stream.members()) + (by_unicast == 0 ? "" : ", " + std::to_string(by_unicast) + " by unicast");
}

// "1 by multicast, 2 by unicast (no multicast arrives)", as they told last; "-": nobody did.
inline std::string TransportsText(const v1::Stream& stream) {
  std::string text;
  for (const v1::TransportCount& count : stream.transports()) {
    text += (text.empty() ? "" : ", ") + std::to_string(count.members());
    text += count.transport() == v1::TRANSPORT_UNICAST
                ? " by unicast (" + UnicastReasonText(count.unicast_reason()) + ")"
                : " by multicast";
  }
  return text.empty() ? "-" : text;
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
