#include "common/wire/row_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/encoding.h"
#include "common/crypto/crypto.h"

namespace replicast::wire {
namespace {

TEST(RowHashTest, IsTheCutHashOfNameAndCanonicalBytes) {
  const Row row = {int64_t{-2}, Real{1.5}, Text{"né"}, Blob{std::string("\0\xff", 2)}, std::monostate()};
  const auto bytes = HexDecode(
      "00000003"
      "616263"
      "01"
      "fffffffffffffffe"
      "02"
      "3ff8000000000000"
      "03"
      "00000003"
      "6ec3a9"
      "04"
      "00000002"
      "00ff"
      "00");
  ASSERT_TRUE(bytes.has_value());
  const crypto::Sha256Digest hash = crypto::Sha256(*bytes);
  EXPECT_EQ(HashRow("abc", row).ToBytes(), std::string(reinterpret_cast<const char*>(hash.data()), 16));
}

TEST(RowHashTest, OfALongRowIsThatOfItsJoinedBytes) {
  const Row row = {int64_t{1}, Blob{std::string(300'000, 'b')}, Text{std::string(65'000, 't')}, Text{"end"}};
  const crypto::Sha256Digest whole = crypto::Sha256(*HexDecode("0000000174") + CanonicalBytes(row));
  EXPECT_EQ(HashRow("t", row).ToBytes(), std::string(reinterpret_cast<const char*>(whole.data()), 16));
}

TEST(RowHashTest, TellsStorageClassesApart) {
  const Row rows[] = {{int64_t{1}}, {Real{1.0}},  {Text{"1"}}, {Blob{"1"}}, {std::monostate()},
                      {Real{0.0}},  {Real{-0.0}}, {Text{""}},  {Blob{""}}};
  for (const Row& a : rows) {
    for (const Row& b : rows) EXPECT_EQ(HashRow("t", a) == HashRow("t", b), &a == &b);
  }
}

TEST(RowHashTest, TellsWhereAValueEnds) {
  EXPECT_FALSE(HashRow("t", {Text{"ab"}, Text{"c"}}) == HashRow("t", {Text{"a"}, Text{"bc"}}));
  EXPECT_FALSE(HashRow("ab", {Text{"c"}}) == HashRow("a", {Text{"bc"}}));
  EXPECT_FALSE(HashRow("t", {std::monostate()}) == HashRow("t", {std::monostate(), std::monostate()}));
}

TEST(RowHashTest, TheSameRowInAnotherTableHasAnotherHash) {
  EXPECT_FALSE(HashRow("a", {int64_t{1}}) == HashRow("b", {int64_t{1}}));
  EXPECT_TRUE(HashRow("a", {int64_t{1}}) == HashRow("a", {int64_t{1}}));
}

}  // namespace
}  // namespace replicast::wire
