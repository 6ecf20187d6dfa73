#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string_view>

#include "common/base/encoding.h"
#include "common/crypto/crypto.h"
#include "tools/fuzzers/fuzz_input.h"

// libFuzzer calls this first. With --write-seeds=FOLDER the program writes the target's seeds there, under the hash of
// their content, and ends.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kFlag = "--write-seeds=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (!argument.starts_with(kFlag)) continue;
    const std::string folder(argument.substr(kFlag.size()));
    for (const std::string& seed : replicast::fuzz::Seeds()) {
      const replicast::crypto::Sha256Digest hash = replicast::crypto::Sha256(seed);
      const std::string name = replicast::HexEncode({reinterpret_cast<const char*>(hash.data()), 8});
      std::ofstream out(folder + "/" + name, std::ios::binary);
      out << seed;
      if (!out.flush()) {
        std::cerr << "can't write " << folder << "/" << name << '\n';
        std::exit(5);
      }
    }
    std::exit(0);
  }
  return 0;
}
