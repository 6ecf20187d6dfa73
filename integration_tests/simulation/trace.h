#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_TRACE_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_TRACE_H_

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/virtual_time.h"

namespace replicast::simulation {

// FNV-1a, 64 bits (draft-eastlake-fnv): for comparing runs, not for secrets.
inline uint64_t HashOf(std::string_view bytes, uint64_t hash = 0xcbf29ce484222325) {
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

// An invariant does not hold: ends the run.
class Violation : public std::runtime_error {
 public:
  explicit Violation(const std::string& what) : std::runtime_error(what) {}
};

// What happens in a world, in order: a hash over all of it, so that two runs can be compared; counters by name; lines
// for a person who replays a seed. What goes in must be the same in every run of a seed, whatever the compiler.
class Trace {
 public:
  // `shows`: lines that contain one of these words are printed; empty: none, {""}: all.
  Trace(const VirtualTime& time, std::vector<std::string> shows)
      : time_(time), started_(time.clock.Now()), shows_(std::move(shows)) {}

  template <typename... Arguments>
  void Note(const absl::FormatSpec<Arguments...>& format, const Arguments&... arguments) {
    const std::string line = absl::StrFormat(format, arguments...);
    hash_ = HashOf(absl::StrCat(line, absl::ToInt64Microseconds(elapsed())), hash_);
    Show(" ", line);
  }
  // For people alone: what may hold a random name.
  void Remark(const std::string& line) const { Show("   ", line); }
  // A fault or an event that a run tells the number of.
  void Count(const std::string& what, uint64_t times = 1) { counters_[what] += times; }

  // A size, of which a run tells the greatest.
  void Most(const std::string& what, uint64_t size) {
    uint64_t& most = most_[what];
    most = std::max(most, size);
  }

  absl::Duration elapsed() const { return time_.clock.Now() - started_; }
  uint64_t hash() const { return hash_; }
  const std::map<std::string, uint64_t>& counters() const { return counters_; }
  const std::map<std::string, uint64_t>& most() const { return most_; }

 private:
  void Show(const char* indent, const std::string& line) const {
    const auto holds = [&](const std::string& word) { return line.find(word) != std::string::npos; };
    if (!std::any_of(shows_.begin(), shows_.end(), holds)) return;
    absl::PrintF("%12.6f%s%s\n", absl::ToDoubleSeconds(elapsed()), indent, line);
  }

  const VirtualTime& time_;
  const absl::Time started_;
  const std::vector<std::string> shows_;
  uint64_t hash_ = HashOf("");
  std::map<std::string, uint64_t> counters_, most_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_TRACE_H_
