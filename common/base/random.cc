#include "common/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/base/errors.h"

namespace replicast {

std::string Random::Bytes(size_t size) {
  std::string bytes(size, '\0');
  Fill(bytes.data(), size);
  return bytes;
}

uint64_t Random::Next() {
  std::array<unsigned char, 8> bytes{};
  Fill(bytes.data(), bytes.size());
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return value;
}

uint64_t Random::Below(uint64_t bound) {
  REPLICAST_CHECK(bound > 0);
  // What lies under 2^64 mod bound would make small results likelier.
  const uint64_t uneven = (0 - bound) % bound;
  uint64_t value = Next();
  while (value < uneven) value = Next();
  return value % bound;
}

double Random::Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

void SystemRandom::Fill(void* out, size_t size) {
  auto* bytes = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(bytes, size, 0);
    if (got < 0) {
      REPLICAST_CHECK(errno == EINTR);
      continue;
    }
    bytes += got;
    size -= static_cast<size_t>(got);
  }
}

void SeededRandom::Fill(void* out, size_t size) {
  auto* bytes = static_cast<unsigned char*>(out);
  while (size > 0) {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t word = state_;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
    word = (word ^ word >> 27) * 0x94d049bb133111eb;
    word ^= word >> 31;
    const size_t count = std::min<size_t>(size, 8);
    for (size_t i = 0; i < count; ++i) *bytes++ = static_cast<unsigned char>(word >> (8 * i));
    size -= count;
  }
}

}  // namespace replicast
