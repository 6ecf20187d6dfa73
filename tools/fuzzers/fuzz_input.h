#ifndef REPLICAST_TOOLS_FUZZERS_FUZZ_INPUT_H_
#define REPLICAST_TOOLS_FUZZERS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace replicast::fuzz {

// A fuzzer's input, taken apart from the front. Every input means something: what is missing at the end is 0 and "".
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  bool Bool() { return (Byte() & 1) != 0; }
  // A varint: seven bits a byte, lowest first.
  uint64_t Number() {
    uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
    }
    return number;
  }
  // A length, then so many bytes.
  std::string Bytes() { return Take(static_cast<size_t>(std::min<uint64_t>(Number(), rest_.size()))); }
  std::string Rest() { return Take(rest_.size()); }

 private:
  std::string Take(size_t size) {
    const std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
};

// Writes what FuzzInput reads.
class SeedWriter {
 public:
  SeedWriter& Byte(uint8_t byte) {
    out_.push_back(static_cast<char>(byte));
    return *this;
  }
  SeedWriter& Number(uint64_t number) {
    for (; number > 0x7f; number >>= 7) Byte(static_cast<uint8_t>(number & 0x7f) | 0x80);
    return Byte(static_cast<uint8_t>(number));
  }
  SeedWriter& Bytes(std::string_view bytes) { return Number(bytes.size()).Rest(bytes); }
  SeedWriter& Rest(std::string_view bytes) {
    out_.append(bytes);
    return *this;
  }
  std::string Done() { return std::move(out_); }

 private:
  std::string out_;
};

// What a target begins with: valid inputs that lead deep. Each target defines it beside LLVMFuzzerTestOneInput; the
// program writes them to a folder when it is started with --write-seeds=FOLDER (`tools/fuzz --seeds` does).
std::vector<std::string> Seeds();

}  // namespace replicast::fuzz

#endif  // REPLICAST_TOOLS_FUZZERS_FUZZ_INPUT_H_
