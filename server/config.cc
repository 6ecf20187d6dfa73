#include "server/config.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <set>
#include <string_view>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/net/connection_acceptor.h"

namespace replicast {
namespace {

absl::Status Invalid(const std::string& message) {
  return Error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID", message);
}

// As a TOML basic string.
std::string Quoted(const std::string& text) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      quoted += "\\u00";
      quoted += {kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + "\"";
}

// A file can hold nothing else.
absl::Status CheckText(const std::string& text) {
  return IsUtf8(text) ? absl::OkStatus() : Invalid("it is no UTF-8 text");
}

Setting Text(std::string name, std::string help, std::string ServerConfig::*member) {
  return {std::move(name), std::move(help),
          [member](ServerConfig& config, const std::string& text) {
            RETURN_IF_ERROR(CheckText(text));
            config.*member = text;
            return absl::OkStatus();
          },
          [member](const ServerConfig& config) { return Quoted(config.*member); }};
}

Setting List(Setting text) {
  text.list = true;
  return text;
}

Setting Choice(std::string name, std::string help, std::string ServerConfig::*member,
               std::vector<std::string> choices) {
  return {std::move(name), std::move(help),
          [member, choices = std::move(choices)](ServerConfig& config, const std::string& text) {
            if (std::find(choices.begin(), choices.end(), text) == choices.end())
              return Invalid("'" + text + "' is none of " + absl::StrJoin(choices, ", "));
            config.*member = text;
            return absl::OkStatus();
          },
          [member](const ServerConfig& config) { return Quoted(config.*member); }};
}

Setting Address(std::string name, std::string help, std::string ServerConfig::*member) {
  return {std::move(name), std::move(help),
          [member](ServerConfig& config, const std::string& text) {
            RETURN_IF_ERROR(CheckText(text));
            RETURN_IF_ERROR(net::ParseHostPort(text).status());
            config.*member = text;
            return absl::OkStatus();
          },
          [member](const ServerConfig& config) { return Quoted(config.*member); }};
}

// Separated by commas; none is fine.
Setting Addresses(std::string name, std::string help, std::string ServerConfig::*member) {
  return {std::move(name), std::move(help),
          [member](ServerConfig& config, const std::string& text) {
            RETURN_IF_ERROR(CheckText(text));
            const std::vector<std::string> all = absl::StrSplit(text, ',', absl::SkipWhitespace());
            for (std::string each : all) {
              absl::StripAsciiWhitespace(&each);
              RETURN_IF_ERROR(net::ParseHostPort(each).status());
            }
            config.*member = text;
            return absl::OkStatus();
          },
          [member](const ServerConfig& config) { return Quoted(config.*member); }};
}

Setting Number(std::string name, std::string help, int64_t ServerConfig::*member, int64_t least, int64_t most) {
  return {std::move(name), std::move(help),
          [member, least, most](ServerConfig& config, const std::string& text) {
            int64_t value = 0;
            if (!absl::SimpleAtoi(text, &value) || value < least || value > most) {
              return Invalid("'" + text + "' is no whole number from " + std::to_string(least) + " to " +
                             std::to_string(most));
            }
            config.*member = value;
            return absl::OkStatus();
          },
          [member](const ServerConfig& config) { return std::to_string(config.*member); }};
}

Setting Duration(std::string name, std::string help, absl::Duration ServerConfig::*member, absl::Duration least,
                 absl::Duration most) {
  return {std::move(name), std::move(help),
          [member, least, most](ServerConfig& config, const std::string& text) {
            absl::Duration value;
            if (!absl::ParseDuration(text, &value) || value < least || value > most) {
              return Invalid("'" + text + "' is no time from " + absl::FormatDuration(least) + " to " +
                             absl::FormatDuration(most) + ", written like 50ms, 10s or 1h");
            }
            config.*member = value;
            return absl::OkStatus();
          },
          [member](const ServerConfig& config) { return Quoted(absl::FormatDuration(config.*member)); }};
}

Setting Flag(std::string name, std::string help, bool ServerConfig::*member) {
  return {std::move(name), std::move(help),
          [member](ServerConfig& config, const std::string& text) {
            if (text != "true" && text != "false") return Invalid("'" + text + "' is neither true nor false");
            config.*member = text == "true";
            return absl::OkStatus();
          },
          [member](const ServerConfig& config) { return std::string(config.*member ? "true" : "false"); }};
}

constexpr int64_t kMostRate = 12'500'000'000;
constexpr int64_t kMostBytes = std::numeric_limits<int64_t>::max();

// 0 stays 0: any port.
absl::StatusOr<uint16_t> PortBehind(const net::HostPort& listen, int by) {
  if (listen.port == 0) return uint16_t{0};
  if (listen.port + by > 65535)
    return Invalid("there is no port " + std::to_string(by) + " behind that of " + listen.ToText() +
                   ": name all ports, or a lower one");
  return static_cast<uint16_t>(listen.port + by);
}

// A TOML value as a flag would have it.
std::string TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* array = node.as_array()) {
    std::vector<std::string> each;
    for (const toml::node& one : *array) each.push_back(TextOf(one));
    return absl::StrJoin(each, ",");
  }
  return "";
}

const Setting* Find(std::string_view name) {
  const auto& all = Settings();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Setting& setting) { return setting.name == name; });
  return found == all.end() ? nullptr : &*found;
}

absl::Status At(const std::string& where, const std::string& name, const absl::Status& status) {
  return Invalid(where + ": " + name + ": " + std::string(status.message()));
}

}  // namespace

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> settings = {
      Text("database", "The master database: a SQLite file in WAL mode.", &ServerConfig::database),
      Addresses(
          "upstream",
          "Of a relay: the servers above it, address:port, separated by commas; the first that serves is followed. "
          "Empty: the one that its token named.",
          &ServerConfig::upstream),
      Address("listen", "Where members connect (gRPC with mutual TLS), address:port. Port 0 takes any free one.",
              &ServerConfig::listen),
      Address("listen_enrolment", "Where machines with a join token enrol. Open only while an unexpired token exists.",
              &ServerConfig::listen_enrolment),
      Text("advertise",
           "The host name or address that tokens tell members to connect to. Empty: the one that we listen on, or send "
           "from.",
           &ServerConfig::advertise),
      List(Text(
          "interface",
          "The network interface that multicast goes out of, e.g. \"eth0\"; or several, \"eth0,eth1\": each stream "
          "goes out of each. Empty: the one of the default route.",
          &ServerConfig::interface)),
      Text(
          "groups",
          "Multicast groups to choose from; two servers on one network should not share them. IPv6 such as "
          "\"ff15::/96\", or source-specific such as \"232.7.0.0/16\" or \"ff35::/96\", where members and switches can "
          "them.",
          &ServerConfig::groups),
      Number("port_data", "UDP port of all groups. 0 takes any free one at each start.", &ServerConfig::port_data, 0,
             65535),
      Number("ttl", "How many routers datagrams may pass, plus one.", &ServerConfig::ttl, 0, 255),
      Number("dscp", "Differentiated services code point of datagrams, e.g. 34; network equipment may prefer some.",
             &ServerConfig::dscp, 0, 63),
      Choice("transport",
             "Of a relay: how it follows the server above. auto: by multicast while that arrives, else by unicast.",
             &ServerConfig::transport, {"auto", "multicast", "unicast"}),
      Number("frame_size",
             "Bytes of UDP payload in the largest datagram: what the path's MTU takes, less 28; with IPv6, less 48.",
             &ServerConfig::frame_size, limits::kMinFrameSize, limits::kMaxFrameSize),
      Number("rate_floor", "Bytes a second that no slow member can push a stream below.", &ServerConfig::rate_floor,
             1000, kMostRate),
      Number("rate_ceiling", "Bytes a second that a stream never exceeds.", &ServerConfig::rate_ceiling, 1000,
             kMostRate),
      Duration("rekey_every", "How often each stream changes its key by itself.", &ServerConfig::rekey_every,
               absl::Minutes(1), absl::Hours(24 * 365)),
      Number("unit_store_bytes",
             "How much of the published past is kept, so that replicas that were away can catch up.",
             &ServerConfig::unit_store_bytes, 1 << 20, kMostBytes),
      Duration("member_retention",
               "How long a member for which the server remembers where it stands may be away until its units are kept "
               "no longer than others. Until then they go last when there is no more room.",
               &ServerConfig::member_retention, absl::Seconds(1), absl::Hours(24 * 365)),
      Number("max_row_bytes",
             "How long a row may be in the columns that a dataset publishes. A longer one stops the datasets that hold "
             "it. "
             "Memory for about three of them is needed, and replicas must allow as much (--max-row-bytes).",
             &ServerConfig::max_row_bytes, static_cast<int64_t>(limits::kMaxWholeRowBytes),
             static_cast<int64_t>(limits::kMostMaxRowBytes)),
      Flag("durable",
           "Wait for the disk before anything is sent. Without it a power loss can cost replicas a new snapshot.",
           &ServerConfig::durable),
      Duration("scrub_interval",
               "How long a comparison of all rows with what was published takes, which goes on all the time: what was "
               "written with triggers disabled is found within twice as long, if scrub_percent is enough for that.",
               &ServerConfig::scrub_interval, absl::Seconds(1), absl::Hours(24 * 365)),
      Number("scrub_percent", "Percent of one core that this comparison may take at most.",
             &ServerConfig::scrub_percent, 1, 100),
      Duration("poll_interval", "How long a write may go unseen when nothing wakes the server.",
               &ServerConfig::poll_interval, absl::Milliseconds(1), absl::Minutes(1)),
      Flag("verbose", "Debug messages too.", &ServerConfig::verbose),
  };
  return settings;
}

std::vector<std::string> InterfacesOf(const ServerConfig& config) {
  return absl::StrSplit(config.interface, absl::ByAnyChar(", "), absl::SkipEmpty());
}

std::string FlagOf(const Setting& setting) {
  std::string flag = "--" + setting.name;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string EnvironmentOf(const Setting& setting) {
  std::string name = "REPLICAST_";
  for (const char c : setting.name) name += c == '_' ? '_' : static_cast<char>(c - 'a' + 'A');
  return name;
}

absl::Status ReadConfigFile(const std::string& path, ServerConfig* config) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Error(absl::StatusCode::kNotFound, "MACHINE_FILE_MISSING",
                 "can't read " + path + ": name the file that `replicastd init` made");
  }
  return ReadConfigText({std::istreambuf_iterator<char>(in), {}}, path, config);
}

absl::Status ReadConfigText(const std::string& text, const std::string& name, ServerConfig* config) {
  toml::table table;
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return Invalid(name + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  for (const auto& [key, node] : table) {
    const std::string where = name + ":" + std::to_string(node.source().begin.line);
    const Setting* setting = Find(key.str());
    if (setting == nullptr) return Invalid(where + ": there is no setting '" + std::string(key.str()) + "'");
    const bool list = setting->list && node.is_array() &&
                      (node.as_array()->empty() || node.as_array()->is_homogeneous(toml::node_type::string));
    if (!node.is_string() && !node.is_integer() && !node.is_boolean() && !list) {
      return Invalid(where + ": " + setting->name + " must be a string, a whole number, or true or false");
    }
    if (const absl::Status status = setting->set(*config, TextOf(node)); !status.ok())
      return At(where, setting->name, status);
  }
  return absl::OkStatus();
}

absl::Status ReadConfigEnvironment(const std::function<const char*(const char*)>& getenv, ServerConfig* config) {
  for (const Setting& setting : Settings()) {
    const char* value = getenv(EnvironmentOf(setting).c_str());
    if (value == nullptr) continue;
    if (const absl::Status status = setting.set(*config, value); !status.ok())
      return At("environment", EnvironmentOf(setting), status);
  }
  return absl::OkStatus();
}

absl::Status ApplySettings(const std::map<std::string, std::string>& given, const std::string& where,
                           ServerConfig* config) {
  for (const auto& [name, text] : given) {
    const Setting* setting = Find(name);
    REPLICAST_CHECK(setting != nullptr);
    if (const absl::Status status = setting->set(*config, text); !status.ok())
      return At(where, FlagOf(*setting), status);
  }
  return absl::OkStatus();
}

absl::Status CompleteConfig(ServerConfig* config) {
  if (config->database.empty()) return Invalid("no database: name the master with `database`");
  return CompleteRelayConfig(config);
}

absl::Status CompleteRelayConfig(ServerConfig* config) {
  if (config->rate_floor > config->rate_ceiling) return Invalid("rate_floor is above rate_ceiling");
  const std::vector<std::string> interfaces = InterfacesOf(*config);
  if (std::set(interfaces.begin(), interfaces.end()).size() < interfaces.size() ||
      interfaces.size() > limits::kMaxSources)
    return Invalid("interface " + config->interface + ": name each once, and at most " +
                   std::to_string(limits::kMaxSources));
  ASSIGN_OR_RETURN(net::HostPort listen, net::ParseHostPort(config->listen));
  if (config->port_data == ServerConfig::kFollowsListen) {
    ASSIGN_OR_RETURN(config->port_data, PortBehind(listen, 2));
  }
  if (config->listen_enrolment.empty()) {
    ASSIGN_OR_RETURN(listen.port, PortBehind(listen, 1));
    config->listen_enrolment = listen.ToText();
  }
  return absl::OkStatus();
}

std::string ConfigToToml(const ServerConfig& config) {
  std::string text =
      "# A Replicast server. Each setting can also be given in the environment (REPLICAST_LISTEN) or as a flag "
      "(--listen),\n"
      "# which win over this file. An unknown setting is an error.\n";
  for (const Setting& setting : Settings())
    text += "\n# " + setting.help + "\n" + setting.name + " = " + setting.toml(config) + "\n";
  return text;
}

}  // namespace replicast
