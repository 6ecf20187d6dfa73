#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_CHANGE_OVERS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_CHANGE_OVERS_H_

#include <string>
#include <string_view>
#include <vector>

#include "integration_tests/simulation/world.h"

namespace replicast::simulation {

// Counters of how long it took members to be live at another server after theirs was away, without the time. In some
// worlds single calls take seconds, up to as long as a change-over is meant to take.
inline constexpr std::string_view kLiveAgainWithin = "live at another server within ";
inline constexpr std::string_view kLiveAgainBySlowCallsWithin = "live at another server by slow calls within ";

// Servers of a tree go away for long, one after the other, while the master is written and datagrams and calls of all
// replicas and relays meet the world's faults: how soon those that lost one are live at another.
//
// What counts as a sample: a session, of a replica or of a relay with one dataset, that has several servers, follows
// (by multicast or by unicast) and asks a server which now is killed, or stopped as by SIGSTOP, or, for replicas, can't
// be reached from there any more, neither by calls nor by datagrams; where another of its servers is able to serve:
// it is up and keeps to the rules, follows the dataset, has units that lead on from where the session stands, and the
// way from it to the master does not lead through the server that is away. The time runs from the moment at which the
// server goes away; it ends when the session follows at another server and, by multicast, has heard an authentic frame
// of that one. Who is not there before the server comes back counts as having taken twice that long.
class ChangeOvers {
 public:
  explicit ChangeOvers(World& world) : world_(world) {}
  // Afterwards everything is there again, and nobody writes.
  void Run();

 private:
  enum class Way { kKilled, kStopped, kCutOff };
  struct Sample {
    std::string who;
    SimulatedReplica* replica = nullptr;  // or
    SimulatedRelay* relay = nullptr;
    std::string dataset;
    const ServingProcess* from = nullptr;
    Position position = {};  // where it stood
  };
  // Null: it is not there now.
  static const ReplicaSession* SessionOf(const Sample& sample);
  static bool Able(const ServingProcess& other, const Sample& sample, Way way);
  static bool LiveElsewhere(const Sample& sample);
  std::vector<Sample> SamplesAt(const ServingProcess& server, Way way);
  void Weather(const PathFaults& path, const CallFaults& calls);
  // Of the servers there are, the one that makes the most samples goes.
  void Round();
  void TakeAway(ServingProcess& server, Way way, const std::vector<Sample>& samples);
  void Watch(std::vector<Sample> samples);

  World& world_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_CHANGE_OVERS_H_
