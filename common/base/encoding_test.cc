#include "common/base/encoding.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace replicast {
namespace {

TEST(HexTest, WritesLowerCaseAndReadsBoth) {
  EXPECT_EQ(HexEncode(std::string_view("\x00\xff\x1a", 3)), "00ff1a");
  EXPECT_EQ(HexDecode("00fF1A"), std::string("\x00\xff\x1a", 3));
  EXPECT_EQ(HexDecode(""), "");
}

TEST(HexTest, RefusesOtherText) {
  for (const char* text : {"0", "0g", "g0", "0 ", "0x00"}) EXPECT_FALSE(HexDecode(text).has_value()) << text;
}

TEST(Base64UrlTest, WritesTheVectorsOfTheStandardWithoutPadding) {
  EXPECT_EQ(Base64UrlEncode(""), "");
  EXPECT_EQ(Base64UrlEncode("f"), "Zg");
  EXPECT_EQ(Base64UrlEncode("fo"), "Zm8");
  EXPECT_EQ(Base64UrlEncode("foo"), "Zm9v");
  EXPECT_EQ(Base64UrlEncode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64UrlEncode("\xfb\xff"), "-_8");
}

TEST(Base64UrlTest, ReadsWhatItWrites) {
  SeededRandom random(1);
  for (size_t size = 0; size < 100; ++size) {
    const std::string bytes = random.Bytes(size);
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(bytes)), bytes);
  }
}

TEST(Base64UrlTest, RefusesOtherText) {
  // The last two: a length that no bytes have, and bits that no encoder leaves over.
  for (const char* text : {"Zg==", "Zm9+", "Zm9/", "Zm 9", "Zm9vY", "Zh"}) {
    EXPECT_FALSE(Base64UrlDecode(text).has_value()) << text;
  }
}

TEST(BigEndianTest, PutsTheHighByteFirst) {
  std::string bytes;
  AppendBigEndian32(&bytes, 0x01020384);
  AppendBigEndian64(&bytes, 0x8102030405060708);
  EXPECT_EQ(HexEncode(bytes), "010203848102030405060708");
  EXPECT_EQ(ReadBigEndian64(bytes.data() + 4), 0x8102030405060708u);
}

TEST(HumanTest, GroupsCounts) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1000), "1,000");
  EXPECT_EQ(HumanCount(1234567), "1,234,567");
  EXPECT_EQ(HumanCount(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(HumanTest, ScalesBytes) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1000), "1.0 kB");
  EXPECT_EQ(HumanBytes(12'345'678), "12.3 MB");
  EXPECT_EQ(HumanBytes(999'999), "1.0 MB");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "18.4 EB");
}

TEST(HumanTest, ShowsTimesInTwoUnitsAtMost) {
  EXPECT_EQ(HumanSeconds(0), "0s");
  EXPECT_EQ(HumanSeconds(-3), "0s");
  EXPECT_EQ(HumanSeconds(0.0041), "5ms");
  EXPECT_EQ(HumanSeconds(0.25), "0.2s");
  EXPECT_EQ(HumanSeconds(9.97), "10s");
  EXPECT_EQ(HumanSeconds(59.7), "1m 0s");
  EXPECT_EQ(HumanSeconds(252), "4m 12s");
  EXPECT_EQ(HumanSeconds(3 * 3600 + 4 * 60), "3h 4m");
  EXPECT_EQ(HumanSeconds(2 * 86400 + 5 * 3600), "2d 5h");
  EXPECT_EQ(HumanSeconds(1e300), "forever");
}

TEST(Utf8Test, TellsWellFormedTextFromOther) {
  for (const char* right :
       {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(IsUtf8(right)) << HexEncode(right);
  for (const char* wrong :
       {"\xff", "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2\x82"})
    EXPECT_FALSE(IsUtf8(wrong)) << HexEncode(wrong);
}

}  // namespace
}  // namespace replicast
