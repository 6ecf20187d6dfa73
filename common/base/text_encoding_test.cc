#include "common/base/text_encoding.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

using namespace std::string_literals;

constexpr TextEncoding kAll[] = {TextEncoding::kUtf8, TextEncoding::kUtf16le, TextEncoding::kUtf16be};

TEST(TextEncodingTest, NamesAreThoseOfThePragma) {
  for (const TextEncoding encoding : kAll) EXPECT_EQ(TextEncodingFromName(NameOf(encoding)), encoding);
  EXPECT_EQ(TextEncodingFromName("UTF-16"), std::nullopt);
}

TEST(TextEncodingTest, CharactersOfEveryLengthGoThereAndBack) {
  const std::string text = "a\0\x7f\u0080\u07ff\u0800\ud7ff\ue000\ufeff\uffff\U00010000\U0010ffff"s;
  for (const TextEncoding encoding : kAll) EXPECT_EQ(ToUtf8(FromUtf8(text, encoding), encoding), text);
}

TEST(TextEncodingTest, UnitsStandInTheOrderOfTheEncoding) {
  EXPECT_EQ(FromUtf8("a\U0001f600", TextEncoding::kUtf16le), "a\0\x3d\xd8\x00\xde"s);
  EXPECT_EQ(FromUtf8("a\U0001f600", TextEncoding::kUtf16be), "\0a\xd8\x3d\xde\x00"s);
}

TEST(TextEncodingTest, HalvesOfPairsAndLeftBytesBecomeReplacements) {
  const auto show = [](const std::string& bytes) { return ToUtf8(bytes, TextEncoding::kUtf16be); };
  EXPECT_EQ(show("\xd8\x00"s), "\ufffd");
  EXPECT_EQ(show("\xd8\x00\0a"s), "\ufffda");
  EXPECT_EQ(show("\xdc\x00\xd8\x00"s), "\ufffd\ufffd");
  EXPECT_EQ(show("\0a\0"s), "a\ufffd");
}

TEST(TextEncodingTest, InvalidUtf8BecomesReplacementsAByteEach) {
  const auto there_and_back = [](const std::string& bytes) {
    return ToUtf8(FromUtf8(bytes, TextEncoding::kUtf16le), TextEncoding::kUtf16le);
  };
  EXPECT_EQ(there_and_back("\xc0\x80"), "\ufffd\ufffd");                      // longer than needed
  EXPECT_EQ(there_and_back("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");            // a surrogate
  EXPECT_EQ(there_and_back("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd");  // beyond U+10FFFF
  EXPECT_EQ(there_and_back("\xe2\x82"), "\ufffd\ufffd");                      // cut
  EXPECT_EQ(there_and_back("\xff"
                           "a"),
            "\ufffda");
}

}  // namespace
}  // namespace replicast
