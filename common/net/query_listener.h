#ifndef REPLICAST_COMMON_NET_QUERY_LISTENER_H_
#define REPLICAST_COMMON_NET_QUERY_LISTENER_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>

namespace replicast::net {

// Hears the queries (IGMP, or MLD for IPv6) by which a network's querier asks who still listens to which group. Needs
// CAP_NET_RAW. One thread.
class QueryListener {
 public:
  // FAILED_PRECONDITION (MACHINE_NOT_ALLOWED) without the right.
  static absl::StatusOr<std::unique_ptr<QueryListener>> Open(const std::string& interface, bool v6);
  ~QueryListener();
  QueryListener(const QueryListener&) = delete;
  QueryListener& operator=(const QueryListener&) = delete;

  // The querier's address, when a query has come since the last call.
  std::optional<std::string> Take();
  int descriptor() const { return descriptor_; }

 private:
  QueryListener(int descriptor, bool v6) : descriptor_(descriptor), v6_(v6) {}
  const int descriptor_;
  const bool v6_;
};

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_QUERY_LISTENER_H_
