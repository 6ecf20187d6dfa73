#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_STOPWATCH_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_STOPWATCH_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

namespace replicast::simulation {

// What a world's real time goes into. Never read by anything that a world decides by.
enum class Part : size_t { kNetwork, kServer, kReplicas, kWriters, kChecks, kCount };
inline std::string_view PartName(Part part) {
  constexpr std::string_view kNames[] = {"network and time", "server", "replicas", "writers", "checks"};
  return kNames[static_cast<size_t>(part)];
}

// Real time by part; parts call each other, and each second counts for the innermost one. One thread.
class Stopwatch {
 public:
  using Seconds = std::array<double, static_cast<size_t>(Part::kCount)>;

  // For as long as it lives, time is that of `part`.
  class Turn {
   public:
    Turn(Stopwatch& watch, Part part) : watch_(watch), before_(watch.Switch(part)) {}
    ~Turn() { watch_.Switch(before_); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Stopwatch& watch_;
    const Part before_;
  };

  const Seconds& seconds() {
    Switch(running_);
    return seconds_;
  }

 private:
  Part Switch(Part to) {
    const auto now = std::chrono::steady_clock::now();
    seconds_[static_cast<size_t>(running_)] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
    return std::exchange(running_, to);
  }

  Part running_ = Part::kNetwork;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  Seconds seconds_{};
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_STOPWATCH_H_
