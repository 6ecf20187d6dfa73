#ifndef REPLICAST_CLIENT_DOCTOR_FACTS_H_
#define REPLICAST_CLIENT_DOCTOR_FACTS_H_

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What `replicast doctor` observes: plain values, gathered by the collectors beside this, judged by Diagnose.
namespace replicast::doctor {

struct BridgeFacts {
  bool snooping = false;
  // Of each family: it asks itself, or has heard one that does.
  bool querier_v4 = false, querier_v6 = false;
};

struct InterfaceAddress {
  std::string address;
  int prefix = 0;
};

struct InterfaceFacts {
  std::string name;
  std::string kind;    // "veth", "bridge", "vxlan", …; empty: a physical one
  std::string master;  // the bridge that it is a port of
  bool up = false, carrier = false, multicast = false, loopback = false;
  int mtu = 0;  // 0: unknown
  std::vector<InterfaceAddress> addresses;
  std::optional<BridgeFacts> bridge;
  std::set<std::string> groups;            // joined here, by whomever
  std::optional<int> reverse_path_filter;  // the stricter of this interface's and of all
  std::optional<uint64_t> link_bits_per_second;
  std::string limiter;  // the kind of a queueing discipline that limits what leaves
  uint64_t limit_bytes_per_second = 0;
};

struct RouteFacts {
  bool known = false;  // it could be asked for
  bool reachable = false;
  std::string interface, gateway;
};

// A rule of this machine's firewall that can drop what we listen to, or send.
struct FirewallRule {
  enum class Match { kSurely, kMaybe };
  std::string id;     // the same in two readings
  std::string where;  // "table ip filter, chain input"
  std::string text;   // as the firewall prints it
  Match match = Match::kMaybe;
  // Datagrams that it dropped, before and after the listening; nothing: it does not count.
  std::optional<uint64_t> before, after;
};

enum class ProbeKind { kSmall = 1, kFull = 2, kBurst = 3 };

struct ProbeFacts {
  ProbeKind kind = ProbeKind::kSmall;
  uint32_t bytes = 0;  // of UDP payload
  uint32_t sent = 0, received = 0;
  uint32_t longest_gap = 0;  // the most that were lost in a row
};

struct ServerFacts {
  bool asked = false;   // it answered, and probed
  std::string problem;  // why not
  std::string address;  // of its member port, host:port
  struct Interface {
    std::string name, source;
    int mtu = 0;
  };
  std::vector<Interface> interfaces;
  int ttl = 0;
  uint32_t frame_size = 0;
  uint64_t rate = 0;                           // of the stream, in bytes of UDP payload a second
  std::vector<std::string> groups;             // of its streams
  std::optional<absl::Duration> clock_offset;  // its time less ours
  absl::Duration clock_error;                  // what that may be wrong by
};

// What one member last reported to the server, of the stream so far.
struct ReceiverFacts {
  std::string name;
  uint64_t expected = 0, missing = 0;
};

enum class Role {
  kReplica,
  kServer,
  kStandalone,  // nothing is configured: it probes a group itself
};

struct Facts {
  Role role = Role::kReplica;
  std::string interface;  // that multicast is expected on
  std::string group;
  uint16_t port = 0;
  std::map<std::string, InterfaceFacts> interfaces;
  bool interfaces_known = false;
  bool in_container = false;
  RouteFacts to_source;  // the way back to whom frames come from
  std::vector<FirewallRule> firewall;
  bool daemon_follows_multicast = false;  // a live replica daemon says that it listens to the group
  bool group_joined_before = false;       // …and the kernel agrees, before the doctor joined itself

  std::string join_error;  // empty: the doctor joined
  bool joined_in_kernel = false;
  uint64_t buffer_bytes = 0;         // that its socket got
  std::optional<uint64_t> rmem_max;  // net.core.rmem_max
  uint64_t dropped_by_socket = 0;

  ServerFacts server;
  std::vector<ProbeFacts> probes;
  std::map<std::string, uint32_t> probes_elsewhere;  // interface → heard there although expected here
  uint64_t stream_frames = 0;                        // datagrams that were no probes of ours
  std::set<std::string> queriers;                    // whose queries were heard
  bool queries_audible = false;
  absl::Duration listened;
  // Of a soak: when the last datagram came, counted from its beginning; and a probe at its end.
  struct Soak {
    absl::Duration lasted, last_heard;
    uint64_t heard = 0;
    uint32_t sent_at_end = 0, received_at_end = 0;
  };
  std::optional<Soak> soak;
  std::vector<ReceiverFacts> receivers;
  absl::Time now, certificate_from, certificate_until;  // wall clock; of the replica's own certificate
  std::vector<std::string> not_looked_at;               // and why
};

struct Finding {
  enum class Severity {
    kFault,  // multicast does not arrive as it should
    kRisk,   // it does now, and will not always
  };
  std::string id;  // stable: programs may tell them apart by it
  Severity severity = Severity::kFault;
  std::string seen, advice;
};

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_FACTS_H_
