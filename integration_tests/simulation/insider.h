#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_INSIDER_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_INSIDER_H_

#include <map>
#include <string>

#include "common/base/random.h"
#include "common/wire/epoch_key.h"
#include "integration_tests/simulation/security_observer.h"
#include "integration_tests/simulation/serving_process.h"
#include "integration_tests/simulation/simulated_network.h"

namespace replicast::simulation {

// A unit of the stream that leads on from its newest, of `row` in the first table's every column, signed with a key
// that is nobody's.
std::string UnitOfNobody(const StreamInfo& stream, const v1::UnitHeader& header, int64_t row);
// The header of the unit that would come next.
v1::UnitHeader NextHeader(const StreamInfo& stream);

// A member with the group's keys that forges: frames of every kind, with numbers near, far and absurd, units that
// the server did not sign or signed for another dataset, key updates that somebody else signed; it lies in reports and
// asks for repairs without end.
class Insider {
 public:
  Insider(Random& random, Trace& trace, SimulatedNetwork& network, SecurityObserver& security)
      : random_(random), trace_(trace), network_(network), security_(security) {}
  // One forgery into some stream of a server that is up.
  void Forge(ServingProcess& server);
  // As this member: a report of heavy losses, and repairs of everything.
  void Lie(ServingProcess& server, const MemberId& member);
  // As this member, of dataset `own`: asks for every other dataset in every way. Throws Violation where it gets some.
  void Intrude(ServingProcess& server, const MemberId& member, const std::string& own);
  // Frames forged so far. Each may have the sequence of a frame that the server sends later, which receivers then take
  // for a replay and repair.
  uint64_t forged() const { return forged_; }

 private:
  void Inject(const ServingProcess& server, const ChannelInfo& channel, std::string frame);
  // An epoch of its own, and the first frame in it.
  void ForgeEpoch(const ServingProcess& server, const ChannelInfo& channel, const wire::EpochKey& key,
                  uint64_t sequence);
  // A unit in the place of the next symbols: a genuine one of another dataset, or one that the server did not sign.
  void ForgeUnit(const ServingProcess& server, const ChannelInfo& channel, wire::EpochKey& key, uint64_t sequence);
  static std::string NewestUnit(const ServingProcess& server, const StreamInfo& stream);
  uint64_t Number(uint64_t near);

  Random& random_;
  Trace& trace_;
  SimulatedNetwork& network_;
  SecurityObserver& security_;
  uint64_t forged_ = 0;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_INSIDER_H_
