#include "client/doctor/listening.h"

#include <absl/time/clock.h>

#include <algorithm>

#include "common/wire/frame_codec.h"
#include "common/wire/probe_datagram.h"

namespace replicast::doctor {
namespace {

constexpr int kBatch = 256;
constexpr absl::Duration kLook = absl::Milliseconds(50);
constexpr size_t kMostNames = 64;  // that the network may make us remember

}  // namespace

Listening::Listening(const Options& options) {
  auto opened = net::ProbeSocket::Open(options.group, options.port, options.interface, options.source);
  if (opened.ok())
    main_ = *std::move(opened);
  else
    join_error_ = std::string(opened.status().message());
  for (const std::string& name : options.others) {
    auto other = net::ProbeSocket::Open(options.group, options.port, name, options.source);
    if (other.ok()) others_.push_back({name, *std::move(other), ProbeTally("")});
  }
  auto queries = net::QueryListener::Open(options.interface, options.group.find(':') != std::string::npos);
  if (queries.ok())
    queries_ = *std::move(queries);
  else
    query_error_ = std::string(queries.status().message());
}

void Listening::Expect(const std::string& nonce) {
  tally_ = ProbeTally(nonce);
  for (Other& other : others_) other.tally = ProbeTally(nonce);
}

void Listening::Take(const net::ProbeSocket::Datagram& datagram) {
  ++heard_;
  last_heard_ = absl::Now();
  if (tally_.Take(datagram.payload)) return;
  if (wire::ParseFrame(datagram.payload)) {
    ++frames_;
  } else if (wire::ParseProbe(datagram.payload) &&
             (strangers_.size() < kMostNames || strangers_.contains(datagram.sender))) {
    ++strangers_[datagram.sender];
  }
}

void Listening::Listen(absl::Time until, const std::function<bool()>& done) {
  std::vector<int> descriptors;
  if (main_) descriptors.push_back(main_->descriptor());
  if (queries_) descriptors.push_back(queries_->descriptor());
  for (const Other& other : others_) descriptors.push_back(other.socket->descriptor());
  for (absl::Time now = absl::Now(); now < until && !done(); now = absl::Now()) {
    const absl::Duration wait = std::clamp(until - now, absl::Milliseconds(1), kLook);
    net::WaitReadable(descriptors, static_cast<int>(absl::ToInt64Milliseconds(wait)));
    if (main_) main_->Receive(kBatch, [this](const net::ProbeSocket::Datagram& datagram) { Take(datagram); });
    for (Other& other : others_) {
      other.socket->Receive(kBatch,
                            [&](const net::ProbeSocket::Datagram& datagram) { other.tally.Take(datagram.payload); });
    }
    if (!queries_) continue;
    if (const auto querier = queries_->Take(); querier && queriers_.size() < kMostNames) queriers_.insert(*querier);
  }
}

std::map<std::string, uint32_t> Listening::elsewhere() const {
  std::map<std::string, uint32_t> counts;
  for (const Other& other : others_) {
    if (other.tally.received() > 0) counts[other.interface] = other.tally.received();
  }
  return counts;
}

}  // namespace replicast::doctor
