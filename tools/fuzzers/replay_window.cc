// Feeds sequences to a ReplayWindow as a receiver does (asked, then marked when it was fresh), as steps from the newest
// one, steps from the one before, and numbers.
// Oracle: a second implementation on sets says the same each time; and no number that was not far ahead of what had
// settled is ever taken twice.
#include "common/delivery/replay_window.h"

#include <unordered_set>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "tools/fuzzers/fuzz_input.h"

namespace replicast::fuzz {
namespace {

// What replay_window.h says, with sets for bits.
class Model {
 public:
  bool IsFarAhead(uint64_t sequence) const {
    return sequence > settled_.highest && sequence - settled_.highest > limits::kReplayWindow;
  }
  bool IsFresh(uint64_t sequence) const {
    if (!IsFarAhead(sequence)) return settled_.IsFresh(sequence);
    return !far_.IsNear(sequence) || far_.IsFresh(sequence);
  }
  void Mark(uint64_t sequence) {
    if (!IsFarAhead(sequence)) {
      settled_.Mark(sequence);
      in_a_row_ = 0;
      return;
    }
    if (!far_.IsNear(sequence)) {
      far_ = Window();
      in_a_row_ = 0;
    }
    far_.Mark(sequence);
    if (++in_a_row_ < (settled_.highest == 0 ? 64 : limits::kReplayWindow)) return;
    settled_ = std::move(far_);
    far_ = Window();
    in_a_row_ = 0;
  }

 private:
  struct Window {
    uint64_t highest = 0;
    std::unordered_set<uint64_t> seen;
    bool IsNear(uint64_t sequence) const {
      return sequence > highest ? sequence - highest <= limits::kReplayWindow
                                : highest - sequence < limits::kReplayWindow;
    }
    bool IsFresh(uint64_t sequence) const {
      return sequence > highest || (highest - sequence < limits::kReplayWindow && !seen.contains(sequence));
    }
    void Mark(uint64_t sequence) {
      seen.insert(sequence);
      highest = std::max(highest, sequence);
    }
  };
  Window settled_, far_;
  uint64_t in_a_row_ = 0;
};

constexpr int kMostSequences = 10'000;

// Several that follow each other, so that a short input reaches where a window is full.
void Run(FuzzInput input) {
  delivery::ReplayWindow window;
  Model model;
  std::unordered_set<uint64_t> taken;
  uint64_t sequence = 0;
  int left = kMostSequences;
  while (!input.empty()) {
    const uint8_t how = input.Byte();
    const uint64_t number = input.Number();
    const uint64_t times = (how & 4) != 0 ? 1 + number % (2 * limits::kReplayWindow) : 1;
    for (uint64_t i = 0; i < times; ++i) {
      if (--left < 0) return;
      if ((how & 4) != 0 || (how & 3) == 0)
        sequence += (how & 4) != 0 ? 1 + (how & 3) : number;
      else
        sequence = (how & 3) == 1 ? sequence - number : number;
      const bool fresh = window.IsFresh(sequence);
      REPLICAST_CHECK(fresh == model.IsFresh(sequence));
      if (!fresh) continue;
      const bool near = !model.IsFarAhead(sequence);
      window.Mark(sequence);
      model.Mark(sequence);
      if (near) REPLICAST_CHECK(taken.insert(sequence).second);
    }
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      SeedWriter().Byte(0).Number(1).Byte(0).Number(1).Byte(1).Number(1).Byte(0).Number(3).Done(),
      SeedWriter().Byte(4).Number(5000).Byte(1).Number(4095).Byte(1).Number(1).Done(),
      SeedWriter().Byte(4).Number(10).Byte(2).Number(1'000'000).Byte(4).Number(4200).Byte(2).Number(5).Done(),
      SeedWriter().Byte(2).Number(UINT64_MAX).Byte(0).Number(1).Byte(1).Number(2).Done(),
      SeedWriter().Byte(2).Number(100'000).Byte(4).Number(70).Byte(7).Number(3000).Byte(1).Number(4096).Done(),
  };
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::Run(replicast::fuzz::FuzzInput(data, size));
  return 0;
}
