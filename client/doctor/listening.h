#ifndef REPLICAST_CLIENT_DOCTOR_LISTENING_H_
#define REPLICAST_CLIENT_DOCTOR_LISTENING_H_

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/doctor/facts.h"
#include "client/doctor/probe_tally.h"
#include "common/net/probe_socket.h"
#include "common/net/query_listener.h"

namespace replicast::doctor {

// Listens to the group on the interface where it should arrive, to see whether it does, and on all others, to see
// whether it comes there instead; and to the network's querier. One thread.
class Listening {
 public:
  struct Options {
    std::string group;
    uint16_t port = 0;
    std::string interface;
    std::vector<std::string> others;  // interfaces
    std::string source;               // of a source-specific group
  };
  // Joins. Why it could not, on the interface that matters, is in join_error.
  explicit Listening(const Options& options);

  const std::string& join_error() const { return join_error_; }
  uint64_t buffer_bytes() const { return main_ ? static_cast<uint64_t>(main_->buffer_bytes()) : 0; }

  // From here on probes with this nonce are counted anew.
  void Expect(const std::string& nonce);
  // Until then, or until `done` says so (asked some times a second).
  void Listen(absl::Time until, const std::function<bool()>& done);

  const ProbeTally& tally() const { return tally_; }
  std::map<std::string, uint32_t> elsewhere() const;
  uint64_t frames() const { return frames_; }
  uint64_t dropped() const { return main_ ? main_->dropped() : 0; }
  // Anything at all, from anybody, on the interface that matters.
  uint64_t heard() const { return heard_; }
  absl::Time last_heard() const { return last_heard_; }
  // Doctors elsewhere that probe this group themselves: who, and how many came.
  const std::map<std::string, uint64_t>& strangers() const { return strangers_; }
  const std::set<std::string>& queriers() const { return queriers_; }
  const std::string& query_error() const { return query_error_; }

 private:
  struct Other {
    std::string interface;
    std::unique_ptr<net::ProbeSocket> socket;
    ProbeTally tally;
  };
  void Take(const net::ProbeSocket::Datagram& datagram);

  std::unique_ptr<net::ProbeSocket> main_;
  std::vector<Other> others_;
  std::unique_ptr<net::QueryListener> queries_;
  std::string join_error_, query_error_;
  ProbeTally tally_{""};
  uint64_t frames_ = 0, heard_ = 0;
  absl::Time last_heard_ = absl::InfinitePast();
  std::map<std::string, uint64_t> strangers_;
  std::set<std::string> queriers_;
};

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_LISTENING_H_
