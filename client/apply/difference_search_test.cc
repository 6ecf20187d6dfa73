#include "client/apply/difference_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "client/apply/apply_test_rig.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/ordered_key.h"
#include "common/wire/row_hash.h"

namespace replicast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = RowDifference::Kind;

std::string KeyOf(int64_t id) { return EncodeOrderedKey({id}, {Collation::kBinary}); }

class DifferenceSearchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    replica_ = rig_.OpenWithSnapshot();
    for (int64_t id = 1; id <= 3000; ++id) rig_.Put(ApplyRig::Item(id, id, Text{"row"}));
    ASSERT_EQ(*replica_->OfferAll(rig_.Unit()), Admission::kApplied);
    for (const Row& row : rig_.Master()) master_[KeyOf(std::get<int64_t>(row[0]))] = wire::HashRow("item", row);
  }

  // A server that has master_.
  absl::StatusOr<v1::CompareResponse> Answer(const v1::CompareRequest& request) {
    ++asked_;
    EXPECT_EQ(request.position().lsn(), rig_.lsn.value);
    const v1::KeyRanges& ranges = request.ranges();
    EXPECT_LE(ranges.through_keys_size(), static_cast<int>(limits::kMaxRanges));
    v1::CompareResponse answer;
    auto at = master_.upper_bound(ranges.after_key());
    for (const std::string& through : ranges.through_keys()) {
      v1::RangeDigest* out = answer.add_ranges();
      Digest digest;
      for (; at != master_.end() && (through.empty() || at->first <= through); ++at) {
        if (std::find(changed_.begin(), changed_.end(), at->first) != changed_.end()) continue;
        digest += at->second;
        out->set_row_count(out->row_count() + 1);
        if (!ranges.rows() || out->rows_size() >= most_rows_) continue;
        out->add_rows()->set_key(at->first);
        out->mutable_rows()->rbegin()->set_hash(at->second.ToBytes());
      }
      out->set_digest(digest.ToBytes());
    }
    for (const std::string& key : changed_) answer.add_changed_keys(key);
    return answer;
  }

  // "7 missing"
  std::vector<std::string> Find(size_t most = 100) {
    const auto found =
        FindDifferences(rig_.path, {"item"}, most, [this](const auto& request) { return Answer(request); });
    EXPECT_TRUE(found.ok()) << found.status();
    if (!found.ok()) return {};
    more_ = found->more;
    std::vector<std::string> texts;
    for (const RowDifference& row : found->rows) {
      EXPECT_EQ(row.table, "item");
      const char* kind = row.kind == Kind::kMissing ? " missing" : row.kind == Kind::kExtra ? " extra" : " other";
      texts.push_back(ToDisplay(row.key[0]) + kind);
    }
    return texts;
  }
  void Write(const std::string& sql) { ASSERT_TRUE(rig_.Other().Execute(sql).ok()) << sql; }

  ApplyRig rig_;
  std::unique_ptr<ReplicaDatabase> replica_;
  std::map<std::string, Digest> master_;
  std::vector<std::string> changed_;
  int asked_ = 0, most_rows_ = 1000;
  bool more_ = false;
};

TEST_F(DifferenceSearchTest, FindsNothingInAnEqualCopyInOneRound) {
  EXPECT_THAT(Find(), IsEmpty());
  EXPECT_EQ(asked_, 1);
}

TEST_F(DifferenceSearchTest, NamesRowsThatAreMissingExtraOrOtherInFewRounds) {
  Write(
      "DELETE FROM item WHERE id = 17; INSERT INTO item VALUES(5000, 5000, 'mine'); UPDATE item SET v = 'x' WHERE id = "
      "1500");
  EXPECT_THAT(Find(), ElementsAre("17 missing", "1500 other", "5000 extra"));
  EXPECT_EQ(asked_, 4);
}

TEST_F(DifferenceSearchTest, AnEmptiedTableIsMissingRowByRowUpToWhatIsWanted) {
  Write("DELETE FROM item");
  EXPECT_EQ(Find(2500).size(), 2500u);
  EXPECT_TRUE(more_);
  EXPECT_EQ(Find(5000).size(), 3000u);
  EXPECT_FALSE(more_);
}

TEST_F(DifferenceSearchTest, WhatUnitsWillBringCountsOnNeitherSide) {
  Write("UPDATE item SET v = 'x' WHERE id IN (200, 201); DELETE FROM item WHERE id = 202");
  changed_ = {KeyOf(200), KeyOf(202), KeyOf(203)};
  EXPECT_THAT(Find(), ElementsAre("201 other"));
}

TEST_F(DifferenceSearchTest, AServerThatTellsFewRowsIsAskedForTheRest) {
  most_rows_ = 10;
  Write("UPDATE item SET v = 'x' WHERE id IN (3, 400)");
  EXPECT_THAT(Find(), ElementsAre("3 other", "400 other"));
  Write("DELETE FROM item WHERE id > 40");
  EXPECT_EQ(Find(5000).size(), 2961u);
}

TEST_F(DifferenceSearchTest, AMalformedAnswerIsAnErrorAndEnds) {
  Write("DELETE FROM item WHERE id > 40");
  const auto with = [&](const std::function<void(v1::CompareResponse*)>& spoil) {
    return ReasonOf(FindDifferences(rig_.path, {"item"}, 100, [&](const auto& request) {
                      auto answer = Answer(request);
                      spoil(&*answer);
                      return answer;
                    }).status());
  };
  EXPECT_EQ(with([](v1::CompareResponse* answer) { answer->clear_ranges(); }), "ANSWER_MALFORMED");
  EXPECT_EQ(with([](v1::CompareResponse* answer) { answer->mutable_ranges(0)->clear_rows(); }), "ANSWER_MALFORMED");
  EXPECT_EQ(with([](v1::CompareResponse* answer) {
              answer->mutable_ranges(0)->set_row_count(UINT64_MAX);
              for (auto& row : *answer->mutable_ranges(0)->mutable_rows()) row.set_key("garbage");
            }),
            "ANSWER_MALFORMED");
}

TEST_F(DifferenceSearchTest, ATableThatIsNoneAnyMoreHasNoRows) {
  Write("DROP TABLE item; CREATE VIEW item AS SELECT 1 AS id, 2 AS u, 3 AS v");
  EXPECT_THAT(Find(), IsEmpty());
}

}  // namespace
}  // namespace replicast
