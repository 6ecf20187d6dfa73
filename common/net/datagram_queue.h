#ifndef REPLICAST_COMMON_NET_DATAGRAM_QUEUE_H_
#define REPLICAST_COMMON_NET_DATAGRAM_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace replicast::net {

// Datagrams between the thread that drains a socket and the one that reads them. Bounded in bytes; when full the oldest
// go, since what is newest is what a live stream needs. Its descriptor is readable while it holds something. Thread
// safe.
class DatagramQueue {
 public:
  explicit DatagramQueue(size_t most_bytes);
  ~DatagramQueue();
  DatagramQueue(const DatagramQueue&) = delete;
  DatagramQueue& operator=(const DatagramQueue&) = delete;

  // One batch under one lock.
  void Push(const std::vector<std::string_view>& datagrams);
  // Takes at most `most`, oldest first, into `out` (cleared before).
  void Take(size_t most, std::vector<std::string>* out);
  int descriptor() const { return descriptor_; }
  uint64_t dropped() const;
  size_t bytes() const;

 private:
  const size_t most_bytes_;
  const int descriptor_;
  mutable std::mutex mutex_;
  std::deque<std::string> datagrams_;  // guarded by mutex_, as the rest
  size_t bytes_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_DATAGRAM_QUEUE_H_
