#include "client/doctor/network_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/errors.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Json> ParseList(const std::string& text, const char* what) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_array())
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_PROGRAM_FAILED", std::string(what) + " gave no list");
  return json;
}

std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t NumberOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<int64_t>() : 0;
}

const Json& ObjectOf(const Json& object, const char* name) {
  static const Json kNone = Json::object();
  const auto found = object.find(name);
  return found != object.end() && (found->is_object() || found->is_array()) ? *found : kNone;
}

BridgeFacts BridgeOf(const Json& data) {
  BridgeFacts bridge;
  bridge.snooping = NumberOf(data, "mcast_snooping") != 0;
  bridge.querier_v4 = bridge.querier_v6 = NumberOf(data, "mcast_querier") != 0;
  for (const auto& [name, value] : data.items()) {
    // Of a querier that it has heard.
    if (name.starts_with("mcast_querier_ipv4")) bridge.querier_v4 = true;
    if (name.starts_with("mcast_querier_ipv6")) bridge.querier_v6 = true;
  }
  return bridge;
}

InterfaceFacts InterfaceOf(const Json& json) {
  InterfaceFacts facts;
  facts.name = TextOf(json, "ifname");
  facts.master = TextOf(json, "master");
  facts.mtu = static_cast<int>(NumberOf(json, "mtu"));
  bool no_carrier = false;
  for (const Json& flag : ObjectOf(json, "flags")) {
    facts.up = facts.up || flag == "UP";
    facts.multicast = facts.multicast || flag == "MULTICAST";
    facts.loopback = facts.loopback || flag == "LOOPBACK";
    no_carrier = no_carrier || flag == "NO-CARRIER";
  }
  facts.carrier = facts.up && !no_carrier;
  const Json& link = ObjectOf(json, "linkinfo");
  facts.kind = TextOf(link, "info_kind");
  if (facts.kind == "bridge") facts.bridge = BridgeOf(ObjectOf(link, "info_data"));
  for (const Json& address : ObjectOf(json, "addr_info"))
    facts.addresses.push_back({TextOf(address, "local"), static_cast<int>(NumberOf(address, "prefixlen"))});
  return facts;
}

}  // namespace

absl::StatusOr<std::map<std::string, InterfaceFacts>> ParseInterfaces(const std::string& json) {
  ASSIGN_OR_RETURN(const Json list, ParseList(json, "ip address show"));
  std::map<std::string, InterfaceFacts> interfaces;
  for (const Json& each : list) {
    InterfaceFacts facts = InterfaceOf(each);
    if (!facts.name.empty()) interfaces[facts.name] = std::move(facts);
  }
  return interfaces;
}

absl::StatusOr<RouteFacts> ParseRoute(const std::string& json) {
  ASSIGN_OR_RETURN(const Json list, ParseList(json, "ip route get"));
  RouteFacts route;
  route.known = true;
  for (const Json& each : list) {
    route.interface = TextOf(each, "dev");
    route.gateway = TextOf(each, "gateway");
    route.reachable = !route.interface.empty() && TextOf(each, "type") != "unreachable";
  }
  return route;
}

absl::Status ParseLimiters(const std::string& json, std::map<std::string, InterfaceFacts>* interfaces) {
  ASSIGN_OR_RETURN(const Json list, ParseList(json, "tc qdisc show"));
  for (const Json& each : list) {
    const auto found = interfaces->find(TextOf(each, "dev"));
    const int64_t rate = NumberOf(ObjectOf(each, "options"), "rate");
    if (found == interfaces->end() || rate <= 0) continue;
    found->second.limiter = TextOf(each, "kind");
    found->second.limit_bytes_per_second = static_cast<uint64_t>(rate);
  }
  return absl::OkStatus();
}

bool IsOnLink(const InterfaceFacts& interface, const std::string& address) {
  const auto wanted = net::IpAddress::Parse(address);
  return wanted && std::any_of(interface.addresses.begin(), interface.addresses.end(), [&](const auto& each) {
           const auto own = net::IpAddress::Parse(each.address);
           return own && own->SharesPrefix(*wanted, each.prefix);
         });
}

}  // namespace replicast::doctor
