#include "client/apply/admission.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() {
    at_.history.bytes[0] = 1;
    at_.definition.bytes[0] = 2;
    at_.lsn = Lsn{100};
    unit_.set_kind(v1::UNIT_KIND_CHANGES);
    unit_.set_history_id(at_.history.ToBytes());
    unit_.set_definition_hash(at_.definition.ToBytes());
  }
  Admission Offer(uint64_t prev, uint64_t last) {
    unit_.set_prev_lsn(prev);
    unit_.set_last_lsn(last);
    return Admit(at_, unit_);
  }
  Admission OfferHistory(uint64_t prev, uint64_t until, uint64_t last) {
    unit_.set_kind(v1::UNIT_KIND_HISTORY);
    unit_.set_prev_history_id(at_.history.ToBytes());
    unit_.set_history_id(std::string(16, '\7'));
    unit_.set_until_lsn(until);
    return Offer(prev, last);
  }
  Position at_;
  v1::UnitHeader unit_;
};

TEST_F(AdmissionTest, TheEdgesOfTheRule) {
  EXPECT_EQ(Offer(50, 99), Admission::kAlreadyHave);
  EXPECT_EQ(Offer(50, 100), Admission::kAlreadyHave);
  EXPECT_EQ(Offer(50, 101), Admission::kApplied);
  EXPECT_EQ(Offer(100, 101), Admission::kApplied);
  EXPECT_EQ(Offer(101, 102), Admission::kGap);
}

TEST_F(AdmissionTest, AnotherHistoryOrDefinitionIsRefusedFirst) {
  unit_.set_history_id(std::string(16, '\7'));
  EXPECT_EQ(Offer(100, 101), Admission::kOtherHistory);
  EXPECT_EQ(Offer(50, 99), Admission::kOtherHistory);
  unit_.set_definition_hash(std::string(32, '\7'));
  EXPECT_EQ(Offer(100, 101), Admission::kOtherDefinition);
}

TEST_F(AdmissionTest, AHistoryUnitLeadsOutUpToItsEndAndNotBeyond) {
  EXPECT_EQ(OfferHistory(50, 100, 200), Admission::kApplied);
  EXPECT_EQ(OfferHistory(50, 99, 200), Admission::kOtherHistory)
      << "a replica that is ahead knows what this line does not";
  EXPECT_EQ(OfferHistory(101, 150, 200), Admission::kGap);
  EXPECT_EQ(OfferHistory(50, 100, 3), Admission::kApplied) << "the new history may count anew";
}

TEST_F(AdmissionTest, AHistoryUnitThatWasAppliedIsKnown) {
  const Admission first = OfferHistory(50, 100, 200);
  ASSERT_EQ(first, Admission::kApplied);
  at_.history = *HistoryId::FromBytes(unit_.history_id());
  EXPECT_EQ(Admit(at_, unit_), Admission::kAlreadyHave);
}

}  // namespace
}  // namespace replicast
