#include "common/base/ordered_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "common/base/random.h"
#include "common/sqlite/database.h"

namespace replicast {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string Encoded(const Value& value, Collation collation = Collation::kBinary) {
  return EncodeOrderedKey({value}, {collation});
}

// Numbers around every place where integers and reals could be put in the wrong order.
std::vector<Value> AwkwardNumbers() {
  std::vector<Value> numbers = {
      Real{0.0}, Real{-0.0}, Real{kInfinity}, Real{-kInfinity}, Real{std::numeric_limits<double>::denorm_min()},
      Real{0.5}, Real{-0.5}};
  for (const int64_t base : {int64_t{0}, int64_t{1} << 53, -(int64_t{1} << 53), int64_t{1} << 62, -(int64_t{1} << 62),
                             INT64_MAX - 2000, INT64_MIN + 2000}) {
    for (const int64_t off :
         {-2000, -1025, -1024, -1023, -513, -512, -511, -2, -1, 0, 1, 2, 511, 512, 513, 1023, 1024, 2000}) {
      numbers.emplace_back(base + off);
      numbers.emplace_back(Real{static_cast<double>(base + off)});
      numbers.emplace_back(Real{std::nextafter(static_cast<double>(base + off), kInfinity)});
      numbers.emplace_back(Real{std::nextafter(static_cast<double>(base + off), -kInfinity)});
    }
  }
  return numbers;
}

// Few different letters, so that equal and nearly equal texts are common.
std::string RandomText(Random& random) {
  constexpr std::string_view kLetters("aAbBzZ[@`\xc3\xa9 \x01\x00~", 15);
  std::string text;
  for (size_t size = random.Below(5); text.size() < size;) text += kLetters[random.Below(kLetters.size())];
  if (random.Below(4) == 0) text.append(random.Below(3), ' ');
  return text;
}

Value RandomValue(Random& random, const std::vector<Value>& numbers) {
  switch (random.Below(8)) {
    case 0:
      return {};
    case 1:
      return static_cast<int64_t>(random.Next() >> random.Below(64));
    case 2:
    case 3:
      return numbers[random.Below(numbers.size())];
    case 4:
      return Blob{RandomText(random)};
    default:
      return Text{RandomText(random)};
  }
}

// SQLite's own opinion: an index into the rows for each, in the order of both columns, with equal keys as one rank.
class SqliteOrder {
 public:
  explicit SqliteOrder(const std::string& collation)
      : database_(*sqlite::Database::Open(":memory:", {.create = true})) {
    const std::string column = " BLOB COLLATE " + collation;
    EXPECT_TRUE(
        database_->Execute("CREATE TABLE t(i INTEGER PRIMARY KEY, a" + column + ", b" + column + "); BEGIN").ok());
  }

  void Insert(size_t i, const Row& key) {
    auto insert = *database_->Prepare("INSERT INTO t VALUES (?, ?, ?)");
    insert.BindInt(1, static_cast<int64_t>(i));
    for (size_t column = 0; column < key.size(); ++column) insert.Bind(static_cast<int>(column) + 2, key[column]);
    EXPECT_TRUE(insert.Run().ok());
  }

  std::vector<std::pair<size_t, int64_t>> Ranks() {
    std::vector<std::pair<size_t, int64_t>> ranks;
    auto select = *database_->Prepare("SELECT i, dense_rank() OVER (ORDER BY a, b) FROM t ORDER BY a, b");
    while (*select.Step()) ranks.emplace_back(select.Int(0), select.Int(1));
    return ranks;
  }

 private:
  const std::unique_ptr<sqlite::Database> database_;
};

class OrderedKeyCollationTest : public ::testing::TestWithParam<std::pair<Collation, const char*>> {
 protected:
  std::vector<Row> RandomKeys(uint64_t seed) const {
    SeededRandom random(seed);
    const std::vector<Value> numbers = AwkwardNumbers();
    std::vector<Row> keys;
    for (const Value& number : numbers) keys.push_back({number, Text{""}});
    while (keys.size() < 4000) keys.push_back({RandomValue(random, numbers), RandomValue(random, numbers)});
    return keys;
  }
  std::string Encode(const Row& key) const { return EncodeOrderedKey(key, {GetParam().first, GetParam().first}); }
};

TEST_P(OrderedKeyCollationTest, SortsAsSqliteDoes) {
  const std::vector<Row> keys = RandomKeys(7);
  SqliteOrder sqlite(GetParam().second);
  for (size_t i = 0; i < keys.size(); ++i) sqlite.Insert(i, keys[i]);
  const auto ranks = sqlite.Ranks();
  ASSERT_EQ(ranks.size(), keys.size());
  // Every encoding of one rank comes before every encoding of the next.
  std::string last_of_lower, last_of_this;
  for (size_t at = 0; at < ranks.size(); ++at) {
    if (at > 0 && ranks[at].second != ranks[at - 1].second) last_of_lower = last_of_this;
    const std::string encoded = Encode(keys[ranks[at].first]);
    ASSERT_LT(last_of_lower, encoded) << ToDisplay(keys[ranks[at].first][0]) << ", "
                                      << ToDisplay(keys[ranks[at].first][1]);
    last_of_this = std::max(last_of_this, encoded);
  }
}

TEST_P(OrderedKeyCollationTest, DecodesToExactlyWhatWentIn) {
  for (const Row& key : RandomKeys(8)) {
    const auto decoded = DecodeOrderedKey(Encode(key), 2);
    ASSERT_TRUE(decoded.has_value()) << ToDisplay(key[0]) << ", " << ToDisplay(key[1]);
    ASSERT_EQ(CanonicalBytes(*decoded), CanonicalBytes(key));
  }
}

TEST_P(OrderedKeyCollationTest, IsTheSameOnlyForIdenticalKeys) {
  std::set<std::string> encodings, identities;
  for (const Row& key : RandomKeys(9)) {
    encodings.insert(Encode(key));
    identities.insert(CanonicalBytes(key));
  }
  EXPECT_EQ(encodings.size(), identities.size());
}

TEST_P(OrderedKeyCollationTest, AcceptsNothingButWhatItWrites) {
  SeededRandom random(10);
  const std::vector<Row> keys = RandomKeys(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = Encode(keys[random.Below(keys.size())]);
    switch (random.Below(3)) {
      case 0:
        bytes.resize(random.Below(bytes.size()));
        break;
      case 1:
        bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
        break;
      default:
        bytes.insert(random.Below(bytes.size() + 1), random.Bytes(1 + random.Below(3)));
    }
    const auto decoded = DecodeOrderedKey(bytes, 2);
    if (!decoded) continue;
    // What it does accept is an encoding, maybe under another collation than this one.
    bool found = false;
    for (const Collation a : {Collation::kBinary, Collation::kNocase, Collation::kRtrim}) {
      for (const Collation b : {Collation::kBinary, Collation::kNocase, Collation::kRtrim}) {
        found = found || EncodeOrderedKey(*decoded, {a, b}) == bytes;
      }
    }
    ASSERT_TRUE(found);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, OrderedKeyCollationTest,
                         ::testing::Values(std::pair{Collation::kBinary, "BINARY"},
                                           std::pair{Collation::kNocase, "NOCASE"},
                                           std::pair{Collation::kRtrim, "RTRIM"}),
                         [](const auto& each) { return std::string(each.param.second); });

TEST(OrderedKeyTest, BreaksTiesByStorageClassAndBytes) {
  EXPECT_LT(Encoded(int64_t{1}), Encoded(Real{1}));
  EXPECT_LT(Encoded(Real{1}), Encoded(int64_t{2}));
  EXPECT_LT(Encoded(Real{-0.0}), Encoded(Real{0.0}));
  EXPECT_LT(Encoded(Text{"A"}, Collation::kNocase), Encoded(Text{"a"}, Collation::kNocase));
  EXPECT_LT(Encoded(Text{"a"}, Collation::kNocase), Encoded(Text{"B"}, Collation::kNocase));
  EXPECT_LT(Encoded(Text{"a"}, Collation::kRtrim), Encoded(Text{"a "}, Collation::kRtrim));
  EXPECT_LT(Encoded(Text{"a "}, Collation::kRtrim), Encoded(Text{std::string("a\x01")}, Collation::kRtrim));
}

TEST(OrderedKeyTest, TellsLargeIntegersFromTheRealsBesideThem) {
  const int64_t exact = int64_t{1} << 53;
  EXPECT_LT(Encoded(Real{0x1p53}), Encoded(exact + 1));
  EXPECT_LT(Encoded(exact + 1), Encoded(Real{0x1p53 + 2}));
  EXPECT_LT(Encoded(INT64_MAX), Encoded(Real{0x1p63}));
  EXPECT_LT(Encoded(INT64_MIN), Encoded(INT64_MIN + 1));
}

TEST(OrderedKeyTest, AShorterKeySortsBeforeItsExtensions) {
  const std::vector<Collation> collations(2, Collation::kBinary);
  const std::string prefix = EncodeOrderedKey({Text{"a"}}, collations);
  EXPECT_LT(prefix, EncodeOrderedKey({Text{"a"}, Value{}}, collations));
  EXPECT_LT(EncodeOrderedKey({Text{"A  "}}, {Collation::kRtrim}),
            EncodeOrderedKey({Text{"A  "}, Value{}}, {Collation::kRtrim, Collation::kBinary}));
  EXPECT_LT(EncodeOrderedKey({Text{"a"}, Blob{"\xff"}}, collations),
            EncodeOrderedKey({Text{"ab"}, Value{}}, collations));
}

TEST(OrderedKeyTest, BreaksTiesOnlyAfterTheLastColumn) {
  const std::vector<Collation> collations(2, Collation::kNocase);
  EXPECT_LT(EncodeOrderedKey({Text{"a"}, int64_t{1}}, collations),
            EncodeOrderedKey({Text{"A"}, int64_t{2}}, collations));
  EXPECT_LT(EncodeOrderedKey({Real{1}, int64_t{1}}, collations),
            EncodeOrderedKey({int64_t{1}, int64_t{2}}, collations));
}

TEST(OrderedKeyTest, KnowsHowManyValuesItHas) {
  const std::string two = EncodeOrderedKey({int64_t{1}, Text{"x"}}, {Collation::kBinary, Collation::kBinary});
  EXPECT_FALSE(DecodeOrderedKey(two, 1).has_value());
  EXPECT_TRUE(DecodeOrderedKey(two, 2).has_value());
  EXPECT_FALSE(DecodeOrderedKey(two, 3).has_value());
  EXPECT_EQ(DecodeOrderedKey("", 0), Row{});
  EXPECT_FALSE(DecodeOrderedKey("", 1).has_value());
}

TEST(OrderedKeyTest, KnowsCollationsByName) {
  EXPECT_EQ(CollationFromName("BINARY"), Collation::kBinary);
  EXPECT_EQ(CollationFromName("NoCase"), Collation::kNocase);
  EXPECT_EQ(CollationFromName("rtrim"), Collation::kRtrim);
  EXPECT_FALSE(CollationFromName("icu").has_value());
  EXPECT_FALSE(CollationFromName("").has_value());
}

}  // namespace
}  // namespace replicast
