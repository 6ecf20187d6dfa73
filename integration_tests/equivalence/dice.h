#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DICE_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DICE_H_

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "integration_tests/equivalence/tally.h"

namespace replicast::equivalence {

// The choices of a generator. Those that have a name are counted under it.
class Dice {
 public:
  Dice(Random& random, Tally& tally) : random_(random), tally_(tally) {}

  bool Chance(double probability) { return random_.Unit() < probability; }
  bool Chance(double probability, std::string_view name) {
    tally_.Offer(name);
    const bool chosen = Chance(probability);
    if (chosen) tally_.Count(name);
    return chosen;
  }
  void Note(std::string_view name) { tally_.Count(name); }
  uint64_t Below(uint64_t bound) { return random_.Below(bound); }
  int Between(int least, int most) { return least + static_cast<int>(Below(static_cast<uint64_t>(most - least + 1))); }
  template <typename T>
  const T& OneOf(const std::vector<T>& list) {
    return list[Below(list.size())];
  }
  std::string OneOf(std::initializer_list<const char*> list) { return list.begin()[Below(list.size())]; }

  struct Kind {
    std::string_view name;
    int weight;
  };
  // The number of the one that was chosen.
  size_t Choose(std::initializer_list<Kind> kinds) {
    int sum = 0;
    for (const Kind& kind : kinds) sum += kind.weight;
    auto left = static_cast<int>(Below(static_cast<uint64_t>(sum)));
    size_t chosen = 0;
    for (size_t i = 0; i < kinds.size(); ++i) {
      const Kind& kind = kinds.begin()[i];
      tally_.Offer(kind.name);
      if (left >= 0 && left < kind.weight) chosen = i;
      left -= kind.weight;
    }
    tally_.Count(kinds.begin()[chosen].name);
    return chosen;
  }

  template <typename T>
  void Shuffle(std::vector<T>* list) {
    for (size_t left = list->size(); left > 1; --left) std::swap((*list)[left - 1], (*list)[Below(left)]);
  }
  // Some of the list, at least one where there is one, in any order.
  template <typename T>
  std::vector<T> Some(std::vector<T> list, size_t most) {
    Shuffle(&list);
    if (!list.empty()) list.resize(1 + Below(std::min(most, list.size())));
    return list;
  }

 private:
  Random& random_;
  Tally& tally_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DICE_H_
