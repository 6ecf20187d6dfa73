#include "common/base/value.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/base/encoding.h"

namespace replicast {
namespace {

TEST(ValueTest, NumbersItsStorageClasses) {
  EXPECT_EQ(StorageClassOf(Value{}), StorageClass::kNull);
  EXPECT_EQ(StorageClassOf(int64_t{1}), StorageClass::kInteger);
  EXPECT_EQ(StorageClassOf(Real{1}), StorageClass::kReal);
  EXPECT_EQ(StorageClassOf(Text{"1"}), StorageClass::kText);
  EXPECT_EQ(StorageClassOf(Blob{"1"}), StorageClass::kBlob);
}

TEST(ValueTest, IsIdenticalOnlyWithTheSameClassAndBytes) {
  EXPECT_EQ(Value(Text{"a"}), Value(Text{"a"}));
  EXPECT_NE(Value(Text{"a"}), Value(Blob{"a"}));
  EXPECT_NE(Value(int64_t{1}), Value(Real{1}));
  EXPECT_NE(Value(Real{0.0}), Value(Real{-0.0}));
  EXPECT_EQ(Real::FromBits(Real{2.5}.bits()), Real{2.5});
}

TEST(ValueTest, HasCanonicalBytes) {
  const Row row = {std::monostate{}, int64_t{-2}, Real{1.0}, Text{"hé"}, Blob{std::string("\0\1", 2)}, Text{""}};
  EXPECT_EQ(HexEncode(CanonicalBytes(row)),
            "00"
            "01fffffffffffffffe"
            "023ff0000000000000"
            "030000000368c3a9"
            "04000000020001"
            "0300000000");
  EXPECT_EQ(EncodedSize(row), CanonicalBytes(row).size());
  EXPECT_EQ(CanonicalBytes({}), "");
}

TEST(ValueTest, IsShownAsSql) {
  EXPECT_EQ(ToDisplay(Value{}), "NULL");
  EXPECT_EQ(ToDisplay(int64_t{-12}), "-12");
  EXPECT_EQ(ToDisplay(Real{1}), "1.0");
  EXPECT_EQ(ToDisplay(Real{0.1}), "0.1");
  EXPECT_EQ(ToDisplay(Real{-0.0}), "-0.0");
  EXPECT_EQ(ToDisplay(Real{1e300}), "1e+300");
  EXPECT_EQ(ToDisplay(Real{-std::numeric_limits<double>::infinity()}), "-Inf");
  EXPECT_EQ(ToDisplay(Text{"it's"}), "'it''s'");
  EXPECT_EQ(ToDisplay(Blob{std::string("\0\xff", 2)}), "x'00ff'");
}

TEST(ValueTest, IsShownOnOneLineAndCutWhereItIsLong) {
  EXPECT_EQ(ToDisplay(Text{"a\nb"}), "'a\\x0ab'");
  EXPECT_EQ(ToDisplay(Text{std::string(300, 'x')}), "'" + std::string(256, 'x') + "…'");
  // 255 bytes, then a character of two bytes that would pass the bound.
  EXPECT_EQ(ToDisplay(Text{std::string(255, 'x') + "é" + "y"}), "'" + std::string(255, 'x') + "…'");
  EXPECT_EQ(ToDisplay(Blob{std::string(300, '\1')}).size(), 2 + 512 + std::string("…'").size());
}

}  // namespace
}  // namespace replicast
