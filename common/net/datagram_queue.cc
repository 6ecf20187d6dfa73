#include "common/net/datagram_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/errors.h"

namespace replicast::net {
namespace {
// What a queued datagram takes beside its bytes.
constexpr size_t kOverhead = 48;
}  // namespace

DatagramQueue::DatagramQueue(size_t most_bytes)
    : most_bytes_(most_bytes), descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  REPLICAST_CHECK(descriptor_ >= 0);
}

DatagramQueue::~DatagramQueue() { close(descriptor_); }

void DatagramQueue::Push(const std::vector<std::string_view>& datagrams) {
  if (datagrams.empty()) return;
  std::lock_guard lock(mutex_);
  const bool was_empty = datagrams_.empty();
  for (std::string_view datagram : datagrams) {
    bytes_ += datagram.size() + kOverhead;
    datagrams_.emplace_back(datagram);
    while (bytes_ > most_bytes_) {
      bytes_ -= datagrams_.front().size() + kOverhead;
      datagrams_.pop_front();
      ++dropped_;
    }
  }
  if (!was_empty || datagrams_.empty()) return;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(descriptor_, &one, sizeof one);
}

void DatagramQueue::Take(size_t most, std::vector<std::string>* out) {
  out->clear();
  std::lock_guard lock(mutex_);
  while (out->size() < most && !datagrams_.empty()) {
    bytes_ -= datagrams_.front().size() + kOverhead;
    out->push_back(std::move(datagrams_.front()));
    datagrams_.pop_front();
  }
  if (!datagrams_.empty()) return;
  uint64_t count;
  [[maybe_unused]] ssize_t taken = read(descriptor_, &count, sizeof count);
}

uint64_t DatagramQueue::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

size_t DatagramQueue::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace replicast::net
