#ifndef REPLICAST_SERVER_CONFIG_H_
#define REPLICAST_SERVER_CONFIG_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/limits.h"

namespace replicast {

// Every setting of a server. Where it comes from: default < replicastd.toml < REPLICAST_* environment < flag.
struct ServerConfig {
  std::string database;
  std::string listen = "0.0.0.0:7420";
  std::string upstream;          // of a relay: "host:port, host:port"; empty: the one that its token named
  std::string listen_enrolment;  // empty: follows `listen`, the next port
  std::string advertise;         // empty: the address that we listen on, or send from
  std::string interface;         // "eth0,eth1"; empty: the default one
  std::string groups = "239.192.0.0/14";
  int64_t port_data = kFollowsListen;
  int64_t ttl = 1, dscp = 0;
  std::string transport = "auto";
  int64_t frame_size = static_cast<int64_t>(limits::kDefaultFrameSize);
  int64_t rate_floor = 1'000'000;
  int64_t rate_ceiling = 125'000'000;
  absl::Duration rekey_every = limits::kRekeyEvery;
  int64_t unit_store_bytes = static_cast<int64_t>(limits::kUnitStoreBytes);
  absl::Duration member_retention = absl::Hours(24);
  int64_t max_row_bytes = static_cast<int64_t>(limits::kDefaultMaxRowBytes);
  bool durable = true;
  absl::Duration scrub_interval = absl::Minutes(10);
  int64_t scrub_percent = 5;
  absl::Duration poll_interval = absl::Milliseconds(50);
  bool verbose = false;

  static constexpr int64_t kFollowsListen = -1;
};

// The names in a list like "eth0,eth1".
std::vector<std::string> InterfacesOf(const ServerConfig& config);

// One setting: how it is called in the file (and, with dashes, as a flag, and in capitals behind REPLICAST_), what
// people read about it, and how it goes in and out. INVALID_ARGUMENT (CONFIG_INVALID) from `set` says what is expected.
struct Setting {
  std::string name;
  std::string help;
  std::function<absl::Status(ServerConfig&, const std::string&)> set;
  std::function<std::string(const ServerConfig&)> toml;  // as it stands in the file
  bool list = false;                                     // may be a list of strings there
};
const std::vector<Setting>& Settings();
std::string FlagOf(const Setting& setting);         // "--listen-enrolment"
std::string EnvironmentOf(const Setting& setting);  // "REPLICAST_LISTEN_ENROLMENT"

// The file's settings; an unknown key or a wrong value is an error that names file and line.
absl::Status ReadConfigFile(const std::string& path, ServerConfig* config);
// Likewise from its text; `name` is the file's, for messages.
absl::Status ReadConfigText(const std::string& text, const std::string& name, ServerConfig* config);
absl::Status ReadConfigEnvironment(const std::function<const char*(const char*)>& getenv, ServerConfig* config);
// `given`: setting name → text.
absl::Status ApplySettings(const std::map<std::string, std::string>& given, const std::string& where,
                           ServerConfig* config);
// Fills what follows from other settings, and checks what must fit together.
absl::Status CompleteConfig(ServerConfig* config);
// Likewise, of a relay: there is no database.
absl::Status CompleteRelayConfig(ServerConfig* config);
// The whole file, every setting explained.
std::string ConfigToToml(const ServerConfig& config);

}  // namespace replicast

#endif  // REPLICAST_SERVER_CONFIG_H_
