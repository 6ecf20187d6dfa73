#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_EVIL_RELAY_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_EVIL_RELAY_H_

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "integration_tests/simulation/simulated_relay.h"

namespace replicast::simulation {

// What it does wrong, and what it keeps for it.
class Malice {
 public:
  Malice(Trace& trace, uint64_t seed, double share) : trace_(trace), random_(seed), share_(share) {}
  // Now? Counted as "evil: …".
  bool Happens(const char* what, double share_of_it = 1);
  Random& random() { return random_; }

  void Remember(const DefinitionHash& stream, const wire::EncodedPart& part);
  // One that it has told before, of this stream or of another; empty: none yet.
  wire::EncodedPart OldPart(const DefinitionHash& stream);
  wire::EncodedPart ForeignPart(const DefinitionHash& stream);
  // With another bit somewhere; and a part whose signature does not hold any more.
  std::string Altered(std::string bytes);
  wire::EncodedPart AlteredPart(const wire::EncodedPart& part);

 private:
  static constexpr size_t kMostKept = 100;
  Trace& trace_;
  SeededRandom random_;
  const double share_;
  std::map<DefinitionHash, std::deque<wire::EncodedPart>> told_;
};

// A relay that does to its members all that it can: alters rows, forges grants, schemas, notices and boundaries,
// replays and withholds units, invents positions, serves who was revoked. What it follows itself it takes as it is.
class EvilRelay : public SimulatedRelay {
 public:
  // `share` of what it tells is wrong.
  EvilRelay(const Surroundings& around, uint64_t seed, const std::string& name, const std::string& address,
            const Credential& credential, const Options& options, const std::vector<ServingProcess*>& upstreams,
            CallObserver& observer, double share);
  ~EvilRelay() override;
  bool evil() const override { return true; }
  // Tells its members that one of them is revoked.
  void ForgeNotice(const MemberId& member);

 private:
  class Listener;
  UnitListener& ListenerTo(UnitListener& events) override;
  std::unique_ptr<Publisher> PublisherOver(std::unique_ptr<relay::RelayPublisher> publisher) override;
  std::unique_ptr<Authority> AuthorityOver(std::unique_ptr<relay::LeasedAuthority> authority) override;

  Malice malice_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_EVIL_RELAY_H_
