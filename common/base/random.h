#ifndef REPLICAST_COMMON_BASE_RANDOM_H_
#define REPLICAST_COMMON_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/lsn.h"

namespace replicast {

// Randomness, injected wherever it is needed.
class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(void* out, size_t size) = 0;

  std::string Bytes(size_t size);
  uint64_t Next();
  // In [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);
  // In [0, 1).
  double Unit();
  template <typename Id>
  Id Identifier() {
    Id id;
    Fill(id.bytes.data(), id.bytes.size());
    return id;
  }
};

// The kernel's. Thread safe.
class SystemRandom : public Random {
 public:
  void Fill(void* out, size_t size) override;
};

// The same numbers for the same seed (SplitMix64), with every compiler; never for secrets. Not thread safe.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  void Fill(void* out, size_t size) override;

 private:
  uint64_t state_;
};

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_RANDOM_H_
