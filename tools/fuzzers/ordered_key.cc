// Feeds keys as a member's request for chunks names them: bytes to DecodeOrderedKey; and rows to EncodeOrderedKey.
// Oracle: what decodes is the one encoding of what comes out; what is encoded decodes to the same key; equal encodings
// are equal keys.
#include "common/base/ordered_key.h"

#include <cmath>

#include "common/base/errors.h"
#include "tools/fuzzers/fuzz_input.h"

namespace replicast::fuzz {
namespace {

Value ValueIn(FuzzInput& input) {
  switch (static_cast<StorageClass>(input.Byte() % 5)) {
    case StorageClass::kNull:
      return std::monostate();
    case StorageClass::kInteger:
      return static_cast<int64_t>(input.Number());
    case StorageClass::kReal: {
      const Real real = Real::FromBits(input.Number());
      return std::isnan(real.number) ? Value() : Value(real);  // SQLite holds no NaN
    }
    case StorageClass::kText:
      return Text{input.Bytes()};
    case StorageClass::kBlob:
      break;
  }
  return Blob{input.Bytes()};
}

void CheckEncoded(FuzzInput& input) {
  Row first, second;
  std::vector<Collation> collations;
  for (int count = 1 + input.Byte() % 4; count > 0; --count) {
    collations.push_back(static_cast<Collation>(input.Byte() % 3));
    first.push_back(ValueIn(input));
    second.push_back(ValueIn(input));
  }
  const std::string bytes = EncodeOrderedKey(first, collations);
  REPLICAST_CHECK(DecodeOrderedKey(bytes, first.size()) == first);
  REPLICAST_CHECK((bytes == EncodeOrderedKey(second, collations)) == (first == second));
}

void CheckDecoded(FuzzInput& input) {
  const size_t count = input.Number();
  const std::string bytes = input.Rest();
  const auto key = DecodeOrderedKey(bytes, count);
  if (!key) return;
  REPLICAST_CHECK(key->size() == count);
  for (const Value& value : *key) REPLICAST_CHECK(EncodedSize({value}) <= 2 * bytes.size() + 16);
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  const auto key = [&](const Row& row, const std::vector<Collation>& collations) {
    seeds.push_back(SeedWriter().Byte(0).Number(row.size()).Rest(EncodeOrderedKey(row, collations)).Done());
  };
  key({int64_t{42}}, {Collation::kBinary});
  key({int64_t{INT64_MAX}, Real{-0.0}}, {Collation::kBinary, Collation::kBinary});
  key({Text{"Abc"}, Text{"x  "}, Blob{std::string("\0z", 2)}, std::monostate()},
      {Collation::kNocase, Collation::kRtrim, Collation::kBinary, Collation::kBinary});
  seeds.push_back(SeedWriter()
                      .Byte(1)
                      .Byte(1)
                      .Byte(1)
                      .Byte(3)
                      .Bytes("Ab")
                      .Byte(3)
                      .Bytes("aB")
                      .Byte(0)
                      .Byte(2)
                      .Number(uint64_t{1} << 62)
                      .Byte(1)
                      .Number(7)
                      .Done());
  return seeds;
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  if (input.Bool())
    replicast::fuzz::CheckEncoded(input);
  else
    replicast::fuzz::CheckDecoded(input);
  return 0;
}
