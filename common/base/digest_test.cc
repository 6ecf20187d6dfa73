#include "common/base/digest.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace replicast {
namespace {

Digest FromHash(Random& random) { return *Digest::FromBytes(random.Bytes(16)); }

TEST(DigestTest, DoesNotDependOnTheOrder) {
  SeededRandom random(2);
  const Digest a = FromHash(random), b = FromHash(random), c = FromHash(random);
  EXPECT_EQ(a + b + c, c + a + b);
  EXPECT_EQ(a + b + c - b, a + c);
  EXPECT_FALSE(a + b == a + c);
}

TEST(DigestTest, CountsTheSameRowTwice) {
  SeededRandom random(3);
  const Digest a = FromHash(random);
  EXPECT_FALSE(a + a == Digest());
  EXPECT_EQ(a + a - a, a);
}

TEST(DigestTest, WrapsAround) {
  const Digest all_ones = *Digest::FromBytes(std::string(16, '\xff'));
  const Digest one = *Digest::FromBytes(std::string(15, '\0') + '\1');
  EXPECT_EQ(all_ones + one, Digest());
  EXPECT_EQ(Digest() - one, all_ones);
}

TEST(DigestTest, CarriesFromTheLowerHalf) {
  const Digest low = *Digest::FromBytes(std::string(8, '\0') + std::string(8, '\xff'));
  const Digest one = *Digest::FromBytes(std::string(15, '\0') + '\1');
  EXPECT_EQ((low + one).ToHex(), "00000000000000010000000000000000");
}

TEST(DigestTest, TakesExactlySixteenBytes) {
  const std::string bytes = "0123456789abcdef";
  EXPECT_EQ(Digest::FromBytes(bytes)->ToBytes(), bytes);
  EXPECT_FALSE(Digest::FromBytes("0123456789abcde").has_value());
  EXPECT_FALSE(Digest::FromBytes("0123456789abcdef0").has_value());
}

}  // namespace
}  // namespace replicast
