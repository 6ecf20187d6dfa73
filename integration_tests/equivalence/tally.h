#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TALLY_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TALLY_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace replicast::equivalence {

// How often everything came up, by name. What was offered and never chosen stands at 0, so that it shows.
class Tally {
 public:
  void Offer(std::string_view name) { counts_.try_emplace(std::string(name), 0); }
  void Count(std::string_view name, uint64_t times = 1) { counts_[std::string(name)] += times; }
  void Add(const Tally& other) {
    for (const auto& [name, times] : other.counts_) counts_[name] += times;
  }
  const std::map<std::string, uint64_t>& counts() const { return counts_; }
  uint64_t of(const std::string& name) const {
    const auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  std::map<std::string, uint64_t> counts_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TALLY_H_
