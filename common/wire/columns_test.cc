#include "common/wire/columns.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/random.h"

namespace replicast::wire {
namespace {

v1::Columns Written(const std::vector<Row>& rows, size_t columns) {
  ColumnsWriter writer(columns);
  for (const Row& row : rows) writer.Add(row);
  v1::Columns message;
  writer.Take(&message);
  return message;
}

std::vector<Row> ReadBack(const v1::Columns& message, size_t columns) {
  ColumnsReader reader;
  const absl::Status opened = reader.Open(message, columns);
  EXPECT_TRUE(opened.ok()) << opened;
  std::vector<Row> rows;
  Row row;
  while (opened.ok() && reader.Next(&row)) rows.push_back(row);
  EXPECT_EQ(rows.size(), reader.rows());
  return rows;
}

Value RandomValue(Random& random) {
  switch (random.Below(5)) {
    case 0:
      return std::monostate();
    case 1:
      return static_cast<int64_t>(random.Next());
    case 2:
      if (const Real real = Real::FromBits(random.Next()); !std::isnan(real.number)) return real;
      return std::monostate();
    case 3:
      return Text{random.Bytes(random.Below(40))};
    default:
      return Blob{random.Bytes(random.Below(40))};
  }
}

TEST(ColumnsTest, GivesBackEveryStorageClassExactly) {
  const std::vector<Row> rows = {{int64_t{0}, Real{-0.0}, Text{""}, Blob{""}, std::monostate()},
                                 {std::numeric_limits<int64_t>::min(), Real{std::numeric_limits<double>::denorm_min()},
                                  Text{std::string("\0\xff", 2)}, Blob{std::string(5000, 'b')}, std::monostate()},
                                 {std::numeric_limits<int64_t>::max(), Real{std::numeric_limits<double>::infinity()},
                                  Text{"ünïcode"}, Blob{"x"}, int64_t{7}},
                                 {std::monostate(), int64_t{1}, Blob{"1"}, Text{"1"}, Real{1.0}}};
  EXPECT_EQ(ReadBack(Written(rows, 5), 5), rows);
}

TEST(ColumnsTest, GivesBackWhateverWasWritten) {
  SeededRandom random(4711);
  for (int round = 0; round < 200; ++round) {
    const size_t columns = 1 + random.Below(6);
    std::vector<Row> rows(random.Below(30));
    for (Row& row : rows) {
      for (size_t i = 0; i < columns; ++i) row.push_back(RandomValue(random));
    }
    v1::Columns parsed;
    ASSERT_TRUE(parsed.ParseFromString(Written(rows, columns).SerializeAsString()));
    ASSERT_EQ(ReadBack(parsed, columns), rows) << "round " << round;
  }
}

TEST(ColumnsTest, OneTypeIsTakenForAllRowsOfTheSameClass) {
  const v1::Columns message = Written({{int64_t{1}, int64_t{1}}, {int64_t{2}, Text{"a"}}, {int64_t{3}, int64_t{1}}}, 2);
  EXPECT_EQ(message.columns(0).types(), std::string("\1", 1));
  EXPECT_EQ(message.columns(1).types(), std::string("\1\3\1", 3));
  EXPECT_EQ(Written({}, 2).ByteSizeLong(), 0u);
}

TEST(ColumnsTest, AWriterBeginsAnewAfterTake) {
  ColumnsWriter writer(1);
  writer.Add({Text{"before"}});
  EXPECT_EQ(writer.rows(), 1u);
  EXPECT_GT(writer.bytes(), 6u);
  v1::Columns first, second;
  writer.Take(&first);
  EXPECT_EQ(writer.rows(), 0u);
  EXPECT_EQ(writer.bytes(), 0u);
  writer.Add({int64_t{5}});
  writer.Take(&second);
  EXPECT_EQ(ReadBack(first, 1), std::vector<Row>({{Text{"before"}}}));
  EXPECT_EQ(ReadBack(second, 1), std::vector<Row>({{int64_t{5}}}));
}

void ExpectRefused(const v1::Columns& message, size_t columns) {
  ColumnsReader reader;
  const absl::Status opened = reader.Open(message, columns);
  EXPECT_EQ(ReasonOf(opened), "COLUMNS_MALFORMED") << message.ShortDebugString();
  Row row;
  EXPECT_FALSE(reader.Next(&row));
}

TEST(ColumnsReaderTest, RefusesANumberThatIsNone) {
  v1::Columns message = Written({{Real{1.5}}}, 1);
  message.mutable_columns(0)->set_reals(0, 0x7ff8000000000000);
  ExpectRefused(message, 1);
}

TEST(ColumnsReaderTest, RefusesACountThatIsNotTheSchemas) {
  const v1::Columns message = Written({{int64_t{1}, int64_t{2}}}, 2);
  ExpectRefused(message, 1);
  ExpectRefused(message, 3);
  ExpectRefused(message, 0);
  v1::Columns none;
  none.set_row_count(3);
  ExpectRefused(none, 0);
}

TEST(ColumnsReaderTest, RefusesValuesThatDoNotFitTheTypes) {
  const v1::Columns good = Written({{int64_t{1}}, {Real{2}}, {Text{"abc"}}, {Blob{"de"}}}, 1);
  const auto spoiled = [&](auto&& spoil) {
    v1::Columns bad = good;
    spoil(*bad.mutable_columns(0));
    ExpectRefused(bad, 1);
  };
  spoiled([](v1::Column& c) { c.add_integers(1); });
  spoiled([](v1::Column& c) { c.clear_integers(); });
  spoiled([](v1::Column& c) { c.add_reals(1); });
  spoiled([](v1::Column& c) { c.clear_reals(); });
  spoiled([](v1::Column& c) { c.add_lengths(0); });
  spoiled([](v1::Column& c) { c.set_lengths(0, 4); });
  spoiled([](v1::Column& c) { c.set_lengths(1, 0xffffffff); });
  spoiled([](v1::Column& c) { c.mutable_data()->push_back('x'); });
  spoiled([](v1::Column& c) { c.clear_data(); });
  spoiled([](v1::Column& c) { (*c.mutable_types())[0] = 5; });
  spoiled([](v1::Column& c) { c.mutable_types()->push_back(0); });
  spoiled([](v1::Column& c) { c.mutable_types()->pop_back(); });
  spoiled([](v1::Column& c) { c.clear_types(); });
}

TEST(ColumnsReaderTest, RefusesAPromiseOfRowsThatNothingBacks) {
  v1::Columns message;
  message.add_columns()->set_types(std::string(1, '\0'));
  message.set_row_count(0xffffffff);
  ExpectRefused(message, 1);
  message.mutable_columns(0)->set_types("\1");
  message.set_row_count(0x7fffffff);
  ExpectRefused(message, 1);
}

TEST(ColumnsReaderTest, CountsValuesNotRowsSinceNullsTakeNoBytes) {
  v1::Columns message;
  for (int i = 0; i < 1000; ++i) message.add_columns()->set_types(std::string(1, '\0'));
  message.set_row_count(limits::kMaxUnitPartBytes / 1000);
  EXPECT_TRUE(ColumnsReader().Open(message, 1000).ok());
  message.set_row_count(limits::kMaxUnitPartBytes);
  ExpectRefused(message, 1000);
}

TEST(ColumnsReaderTest, RefusesColumnsWithoutRowsAndTooManyOfThem) {
  v1::Columns message;
  message.add_columns();
  ExpectRefused(message, 1);
  v1::Columns wide;
  wide.set_row_count(1);
  for (size_t i = 0; i <= limits::kMaxColumns; ++i) wide.add_columns()->set_types(std::string(1, '\0'));
  ExpectRefused(wide, limits::kMaxColumns + 1);
}

TEST(ColumnsReaderTest, SurvivesAnyBytes) {
  SeededRandom random(99);
  const std::string good =
      Written({{int64_t{1}, Text{"abc"}}, {Real{2}, Blob{"de"}}, {std::monostate(), Text{""}}}, 2).SerializeAsString();
  int opened = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips)
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    v1::Columns message;
    if (!message.ParseFromString(bytes)) continue;
    ColumnsReader reader;
    if (!reader.Open(message, 2).ok()) continue;
    ++opened;
    Row row;
    uint32_t rows = 0;
    while (reader.Next(&row)) ++rows;
    ASSERT_EQ(rows, reader.rows());
  }
  EXPECT_GT(opened, 0);
}

}  // namespace
}  // namespace replicast::wire
