#include "server/relay/relay_log.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/base/numbered.h"

namespace replicast::relay {
namespace {

class RelayLogTest : public testing::Test {
 protected:
  RelayLogTest() { Open(); }
  void Open(uint64_t most_bytes = 1 << 20) {
    log_ = *RelayLog::Open(*file_, most_bytes);
    EXPECT_TRUE(log_->Add(stream_).ok());
  }
  // Part `number` of `count` of a unit.
  wire::UnitPart Part(uint64_t prev, uint64_t last, uint32_t number = 1, uint32_t count = 1, size_t bytes = 10) const {
    wire::UnitPart part;
    part.header.set_kind(v1::UNIT_KIND_CHANGES);
    part.header.set_history_id(Numbered<HistoryId>(1).ToBytes());
    part.header.set_definition_hash(stream_.ToBytes());
    part.header.set_prev_lsn(prev);
    part.header.set_last_lsn(last);
    part.header.set_part_number(number);
    part.header.set_final_part(number == count);
    part.encoded = std::string(bytes, static_cast<char>('0' + number));
    return part;
  }
  wire::UnitPart Over(uint64_t prev, uint64_t until, uint64_t last) const {
    wire::UnitPart part = Part(prev, last);
    part.header.set_kind(v1::UNIT_KIND_HISTORY);
    part.header.set_history_id(Numbered<HistoryId>(2).ToBytes());
    part.header.set_prev_history_id(Numbered<HistoryId>(1).ToBytes());
    part.header.set_until_lsn(until);
    return part;
  }
  size_t Take(const std::vector<wire::UnitPart>& parts) {
    std::vector<const wire::UnitPart*> pointers;
    for (const wire::UnitPart& part : parts) pointers.push_back(&part);
    const auto whole = log_->Take(pointers);
    EXPECT_TRUE(whole.ok()) << whole.status();
    return whole.ok() ? whole->size() : 0;
  }
  RelayLog::Way From(uint64_t lsn, uint8_t history = 1) {
    return *log_->From({Numbered<HistoryId>(history), stream_, Lsn{lsn}});
  }

  const DefinitionHash stream_ = Numbered<DefinitionHash>(7);
  std::unique_ptr<sqlite::Database> file_ = *sqlite::Database::Open(":memory:", {.create = true});
  std::unique_ptr<RelayLog> log_;
};
using Step = RelayLog::Way::Step;

TEST_F(RelayLogTest, KeepsAChainByteForByteAndTellsWhereItLeads) {
  EXPECT_EQ(Take({Part(10, 20), Part(20, 30)}), 2u);
  EXPECT_EQ(Take({Part(10, 20)}), 0u) << "it has that";
  EXPECT_EQ(From(10).step, Step::kCatchUp);
  EXPECT_EQ(From(25).first->last.value, 30u) << "also from within a span";
  EXPECT_EQ(From(30).step, Step::kFollow);
  EXPECT_EQ(From(40).step, Step::kFollow) << "who was fed by another server waits for this one";
  EXPECT_EQ(From(9).step, Step::kNone);
  EXPECT_EQ(From(10, 5).step, Step::kNone);
  EXPECT_EQ(*log_->units().Part(From(10).first->serial, 1), std::string(10, '1'));
}

TEST_F(RelayLogTest, AUnitCountsWithItsLastPart) {
  EXPECT_EQ(Take({Part(10, 20, 1, 3), Part(10, 20, 2, 3)}), 0u);
  EXPECT_EQ(From(10).step, Step::kNone);
  EXPECT_EQ(Take({Part(10, 20, 3, 3), Part(20, 30)}), 2u);
  EXPECT_EQ(From(10).first->parts, 3u);
  EXPECT_EQ(*log_->units().Part(From(10).first->serial, 3), std::string(10, '3'));
}

TEST_F(RelayLogTest, PartsWithoutTheirEndLeaveNothingBehind) {
  Take({Part(10, 20), Part(20, 30, 1, 2)});
  EXPECT_EQ(Take({Part(20, 30, 1, 2), Part(20, 30, 2, 2)}), 1u) << "another path begins it again";
  Take({Part(30, 40, 1, 2)});
  Open();  // a restart
  EXPECT_EQ(From(20).step, Step::kCatchUp);
  EXPECT_EQ(std::get<int64_t>(**file_->QueryValue("SELECT count(*) FROM unit_parts")), 3);
  EXPECT_EQ(Take({Part(30, 40)}), 1u);
}

TEST_F(RelayLogTest, AUnitThatDoesNotLeadOnBeginsTheChainAnew) {
  Take({Part(10, 20)});
  EXPECT_EQ(Take({Part(50, 60)}), 1u);
  EXPECT_EQ(From(10).step, Step::kNone);
  EXPECT_EQ(From(50).step, Step::kCatchUp);
  Open();
  EXPECT_EQ(log_->Find(stream_)->begin.lsn.value, 50u);
  EXPECT_EQ(log_->Find(stream_)->end.lsn.value, 60u);
}

TEST_F(RelayLogTest, LeadsFromOneHistoryIntoTheNextAndNobodyWhoIsAheadOfIt) {
  wire::UnitPart after = Part(20, 30);
  after.header.set_history_id(Numbered<HistoryId>(2).ToBytes());
  EXPECT_EQ(Take({Part(10, 20), Over(20, 25, 20), after}), 3u);
  EXPECT_EQ(From(20).first->history, Numbered<HistoryId>(2));
  EXPECT_EQ(From(24).step, Step::kCatchUp);
  EXPECT_EQ(From(26).step, Step::kNone);
  EXPECT_EQ(From(20, 2).first->last.value, 30u);
  EXPECT_EQ(From(30, 2).step, Step::kFollow);
}

TEST_F(RelayLogTest, AChainWithoutUnitsBeginsBehindTheLastOneThatHadChanges) {
  wire::UnitPart empty = Part(20, 35);
  empty.header.set_kind(v1::UNIT_KIND_EMPTY);
  EXPECT_EQ(Take({empty}), 0u);
  ASSERT_TRUE(log_->TakeBoundary(empty.header, std::nullopt).ok());
  EXPECT_EQ(From(20).step, Step::kFollow);
  EXPECT_EQ(From(19).step, Step::kNone);
  Open();
  EXPECT_EQ(From(35).step, Step::kFollow);
  EXPECT_EQ(Take({Part(20, 40)}), 1u);
  EXPECT_EQ(From(35).step, Step::kCatchUp);
}

TEST_F(RelayLogTest, UnitsThatItLostButTheCopyHasAreNoPartOfTheChain) {
  Take({Part(10, 20)});
  wire::UnitPart empty = Part(30, 35);
  empty.header.set_kind(v1::UNIT_KIND_EMPTY);
  const auto shown = [&](uint64_t lsn) { return Position{Numbered<HistoryId>(1), stream_, Lsn{lsn}}; };
  ASSERT_TRUE(log_->TakeBoundary(empty.header, shown(20)).ok());
  EXPECT_EQ(From(10).step, Step::kCatchUp) << "they are still to come";
  ASSERT_TRUE(log_->TakeBoundary(empty.header, shown(30)).ok());
  EXPECT_EQ(From(10).step, Step::kNone);
  EXPECT_EQ(From(30).step, Step::kFollow);
}

TEST_F(RelayLogTest, IsBoundedAndSaysWhereItBegins) {
  Open(1000);
  for (uint64_t lsn = 10; lsn < 60; ++lsn) Take({Part(lsn, lsn + 1, 1, 1, 100)});
  EXPECT_LE(log_->units().bytes(), 1000u);
  EXPECT_EQ(From(20).step, Step::kNone);
  EXPECT_NE(From(20).reason.find("which begins at"), std::string::npos);
  EXPECT_EQ(From(55).step, Step::kCatchUp);
  Take({Part(60, 61, 1, 1, 5000)});
  EXPECT_EQ(From(60).step, Step::kCatchUp) << "the newest stays, however large";
}

TEST_F(RelayLogTest, AStreamThatIsRemovedLeavesNothing) {
  Take({Part(10, 20)});
  ASSERT_TRUE(log_->Remove(stream_).ok());
  EXPECT_EQ(log_->units().bytes(), 0u);
  EXPECT_EQ(From(10).step, Step::kNone);
  EXPECT_EQ(Take({Part(20, 30)}), 0u);
}

}  // namespace
}  // namespace replicast::relay
