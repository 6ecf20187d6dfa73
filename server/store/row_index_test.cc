#include "server/store/row_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/base/random.h"
#include "server/store/state_tables.h"

namespace replicast::store {
namespace {

Digest Hash(uint64_t number) {
  return *Digest::FromBytes(std::string(8, '\0') + std::string(7, 'x') + static_cast<char>(number));
}

class RowIndexTest : public ::testing::Test {
 protected:
  RowIndexTest() {
    EXPECT_TRUE(InstallStateTables(*database_).ok());
    index_ = std::make_unique<RowIndex>(statements_);
  }
  std::string FoundAt(uint32_t relation, const std::string& key) {
    std::vector<RowIndex::Entry> entries;
    EXPECT_TRUE(index_->Find(relation, key, &entries).ok());
    std::string text;
    for (const RowIndex::Entry& entry : entries)
      text += std::to_string(entry.stream) + ":" + entry.hash.ToBytes().back() + " ";
    return text;
  }
  std::string Scanned(uint32_t relation, const std::string& after, int64_t stream) {
    RowIndex::Cursor cursor(*index_, relation, after);
    EXPECT_TRUE(cursor.Open().ok());
    std::string keys;
    while (cursor.valid()) {
      EXPECT_FALSE(cursor.entries().empty());
      for (const RowIndex::Entry& entry : cursor.entries()) {
        if (entry.stream == stream) keys += cursor.key() + entry.hash.ToBytes().back() + " ";
      }
      EXPECT_TRUE(cursor.Next().ok());
    }
    return keys;
  }

  std::unique_ptr<sqlite::Database> database_ = *sqlite::Database::Open(":memory:", {.create = true});
  Statements statements_{*database_};
  std::unique_ptr<RowIndex> index_;
};

TEST_F(RowIndexTest, OneLookupNamesEveryStreamThatHasTheRow) {
  index_->Set(1, "k", 7, Hash('a'));
  index_->Set(1, "k", 3, Hash('b'));
  index_->Set(2, "k", 4, Hash('c'));
  index_->Set(1, "kk", 5, Hash('d'));
  EXPECT_EQ(FoundAt(1, "k"), "3:b 7:a ");
  EXPECT_EQ(FoundAt(2, "k"), "4:c ");
  EXPECT_EQ(FoundAt(1, ""), "");
}

TEST_F(RowIndexTest, NewerGenerationsHideOlderOnes) {
  ASSERT_TRUE(index_->Insert(1, "k", 1, Hash('a')).ok());
  ASSERT_TRUE(index_->Insert(1, "k", 2, Hash('a')).ok());
  index_->Set(1, "k", 1, Hash('b'));
  index_->Erase(1, "k", 2);
  EXPECT_EQ(FoundAt(1, "k"), "1:b ");
  index_->Freeze(10);
  index_->Set(1, "k", 2, Hash('c'));
  index_->Erase(1, "k", 1);
  EXPECT_EQ(FoundAt(1, "k"), "2:c ");
  EXPECT_EQ(Scanned(1, "", 1), "");
  EXPECT_EQ(Scanned(1, "", 2), "kc ");
  ASSERT_EQ(*index_->WriteSome(100), std::optional<uint64_t>(10));
  EXPECT_EQ(FoundAt(1, "k"), "2:c ");
  ASSERT_TRUE(index_->WriteAll().ok());
  EXPECT_EQ(index_->unwritten(), 0u);
  EXPECT_EQ(FoundAt(1, "k"), "2:c ");
}

TEST_F(RowIndexTest, IsWrittenBehindInBoundedSteps) {
  for (int i = 0; i < 10; ++i) index_->Set(1, std::string(1, static_cast<char>('a' + i)), 1, Hash('x'));
  index_->Freeze(42);
  EXPECT_EQ(*index_->WriteSome(4), std::nullopt);
  EXPECT_TRUE(index_->freezing());
  EXPECT_EQ(*index_->WriteSome(4), std::nullopt);
  EXPECT_EQ(*index_->WriteSome(4), std::optional<uint64_t>(42));
  EXPECT_FALSE(index_->freezing());
  EXPECT_EQ(database_->QueryValue("SELECT count(*) FROM row_index")->value(), Value(int64_t{10}));
}

TEST_F(RowIndexTest, LongKeysCountForSeveralEntries) {
  index_->Set(1, std::string(12'800, 'k'), 1, Hash('x'));
  EXPECT_EQ(index_->weight(), 101u);
}

TEST_F(RowIndexTest, SweepsStreamsThatAreGone) {
  for (int i = 0; i < 50; ++i) {
    for (int64_t stream : {1, 2, 3})
      ASSERT_TRUE(
          index_->Insert(static_cast<uint32_t>(i % 3), std::string(1, static_cast<char>('A' + i)), stream, Hash('x'))
              .ok());
  }
  int steps = 1;
  while (!*index_->Sweep(7, [](uint32_t, int64_t stream) { return stream != 2; })) ++steps;
  EXPECT_EQ(steps, 22);
  EXPECT_EQ(database_->QueryValue("SELECT count(*) FROM row_index WHERE stream = 2")->value(), Value(int64_t{50}));
  EXPECT_EQ(database_->QueryValue("SELECT count(*) FROM row_index")->value(), Value(int64_t{50}));
}

TEST_F(RowIndexTest, IsAMapWhateverIsFrozenOrWritten) {
  SeededRandom random(3);
  std::map<std::tuple<uint32_t, std::string, int64_t>, char> model;
  for (int step = 0; step < 3000; ++step) {
    uint32_t relation = static_cast<uint32_t>(random.Below(2));
    std::string key(1 + random.Below(2), static_cast<char>('a' + random.Below(6)));
    int64_t stream = static_cast<int64_t>(random.Below(3));
    char value = static_cast<char>('A' + random.Below(26));
    switch (random.Below(8)) {
      case 0:
        if (!index_->freezing()) index_->Freeze(1);
        break;
      case 1:
        ASSERT_TRUE(!index_->freezing() || index_->WriteSome(5).ok());
        break;
      case 2:
        ASSERT_TRUE(random.Below(10) != 0 || index_->WriteAll().ok());
        break;
      case 3:
        index_->Erase(relation, key, stream);
        model.erase({relation, key, stream});
        break;
      default:
        index_->Set(relation, key, stream, Hash(static_cast<uint64_t>(value)));
        model[{relation, key, stream}] = value;
    }
    std::string found, scanned;
    std::string after(random.Below(2), static_cast<char>('a' + random.Below(6)));
    for (const auto& [place, v] : model) {
      const auto& [r, k, s] = place;
      if (r == relation && k == key) found += std::to_string(s) + ":" + v + " ";
      if (r == relation && s == stream && k > after) scanned += k + v + " ";
    }
    ASSERT_EQ(FoundAt(relation, key), found) << "step " << step;
    ASSERT_EQ(Scanned(relation, after, stream), scanned) << "step " << step;
  }
}

}  // namespace
}  // namespace replicast::store
