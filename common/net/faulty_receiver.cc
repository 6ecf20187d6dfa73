#include <deque>
#include <utility>

#include "common/net/datagram_transport.h"

namespace replicast::net {
namespace {

// Loses, doubles and delays by one to four places. The same seed and the same datagrams give the same faults. What is
// delayed comes out with later datagrams.
class FaultyReceiver : public DatagramReceiver {
 public:
  FaultyReceiver(std::unique_ptr<DatagramReceiver> inner, const Faults& faults)
      : inner_(std::move(inner)), faults_(faults), random_(faults.seed) {}

  size_t Receive(size_t most, const Function& function) override {
    size_t given = 0;
    inner_->Receive(most, [&](std::string_view datagram) { given += Pass(datagram, function); });
    return given;
  }
  int descriptor() const override { return inner_->descriptor(); }
  uint64_t dropped() const override { return inner_->dropped(); }

 private:
  struct Delayed {
    std::string datagram;
    uint64_t after = 0;  // how many later ones go first
  };

  size_t Pass(std::string_view datagram, const Function& function) {
    size_t given = 0;
    // Each kind of fault takes its number always, so that one rate does not change what another does.
    const bool drop = random_.Unit() < faults_.drop;
    const bool twice = random_.Unit() < faults_.duplicate;
    const bool late = random_.Unit() < faults_.reorder;
    const uint64_t places = 1 + random_.Below(4);
    if (!drop && late) {
      delayed_.push_back({std::string(datagram), places});
    } else if (!drop) {
      function(datagram);
      ++given;
    }
    if (!drop && twice) {
      function(datagram);
      ++given;
    }
    for (auto at = delayed_.begin(); at != delayed_.end();) {
      if (at->after-- > 0) {
        ++at;
        continue;
      }
      function(at->datagram);
      ++given;
      at = delayed_.erase(at);
    }
    return given;
  }

  std::unique_ptr<DatagramReceiver> inner_;
  const Faults faults_;
  SeededRandom random_;
  std::deque<Delayed> delayed_;
};

}  // namespace

std::unique_ptr<DatagramReceiver> WithFaults(std::unique_ptr<DatagramReceiver> inner, const Faults& faults) {
  return std::make_unique<FaultyReceiver>(std::move(inner), faults);
}

}  // namespace replicast::net
