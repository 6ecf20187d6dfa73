#include "integration_tests/simulation/member_faults.h"

namespace replicast::simulation {

void MemberFaults::Begin() {
  const FaultRates& f = world_.configuration.faults;
  schedule_.EveryReplica(f.lied, "lies of a member", [this](SimulatedReplica& replica, Random&) {
    world_.insider->Lie(replica.link().server(), replica.member());
  });
  schedule_.EveryReplica(f.intruded, "a member asks for what it may not have",
                         [this](SimulatedReplica& replica, Random&) {
                           world_.insider->Intrude(replica.link().server(), replica.member(), replica.dataset());
                         });
  schedule_.Every(f.rekeyed, "rekey", [this](Random&) {
    if (!world_.server->awake()) return;
    for (const StreamInfo& stream : world_.server->publisher().Streams()) {
      world_.server->multicaster().Rekey(stream.definition_hash).IgnoreError();
    }
    world_.server->Step();
  });
  schedule_.EveryReplica(f.revoked, "member revoked", [this](SimulatedReplica& replica, Random&) {
    if (world_.replicas.size() >= 2) world_.Revoke(replica.member());
  });
  schedule_.Every(f.many_revoked, "many members revoked", [this](Random& random) {
    for (size_t i = 0; i < world_.replicas.size() / 2; ++i) {
      SimulatedReplica& replica = *world_.AnyReplica(random);
      if (world_.replicas.size() >= 2) world_.Revoke(replica.member());
    }
  });
  schedule_.Every(f.joined, "replica joined", [this](Random&) {
    if (world_.replicas.size() < World::kMostReplicas) world_.AddReplica();
  });
  schedule_.Every(f.many_joined, "many replicas joined", [this](Random&) {
    while (world_.replicas.size() < World::kMostReplicas && world_.AddReplica() != nullptr) {
    }
  });
  schedule_.EveryReplica(f.left, "replica left for good", [this](SimulatedReplica& replica, Random&) {
    if (world_.Followers().size() > 1) replica.Leave();
  });
}

}  // namespace replicast::simulation
