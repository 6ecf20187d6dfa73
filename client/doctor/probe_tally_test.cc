#include "client/doctor/probe_tally.h"

#include <gtest/gtest.h>

#include "common/wire/probe_datagram.h"

namespace replicast::doctor {
namespace {

const std::string kNonce = "0123456789abcdef";

std::string Probe(ProbeKind kind, uint32_t number, const std::string& nonce = kNonce) {
  return wire::SerializeProbe({nonce, static_cast<uint8_t>(kind), number}, 100);
}

TEST(ProbeTallyTest, CountsEachOnceAndTheLongestGap) {
  ProbeTally tally(kNonce);
  for (const uint32_t number : {0u, 1u, 1u, 5u, 4u, 8u}) EXPECT_TRUE(tally.Take(Probe(ProbeKind::kSmall, number)));
  const auto compared = tally.Compare({{ProbeKind::kSmall, 64, 10}, {ProbeKind::kFull, 1372, 7}});
  EXPECT_EQ(compared[0].received, 5u);
  EXPECT_EQ(compared[0].longest_gap, 2u);
  EXPECT_EQ(compared[1].received, 0u);
  EXPECT_EQ(compared[1].longest_gap, 7u);
  EXPECT_EQ(tally.received(), 5u);
}

TEST(ProbeTallyTest, CountsTheGapAtTheEnd) {
  ProbeTally tally(kNonce);
  tally.Take(Probe(ProbeKind::kBurst, 0));
  EXPECT_EQ(tally.Compare({{ProbeKind::kBurst, 1372, 9}})[0].longest_gap, 8u);
}

TEST(ProbeTallyTest, LeavesAsideWhatIsNotOfThisProbe) {
  ProbeTally tally(kNonce);
  EXPECT_FALSE(tally.Take(Probe(ProbeKind::kSmall, 0, "another nonce 16")));
  EXPECT_FALSE(tally.Take("\x0d no probe at all"));
  EXPECT_FALSE(tally.Take(Probe(static_cast<ProbeKind>(9), 0)));
  EXPECT_EQ(tally.received(), 0u);
}

TEST(ProbeTallyTest, KeepsNoNumberBeyondItsBoundNorCountsMoreThanWereSent) {
  ProbeTally tally(kNonce);
  for (const uint32_t number : {ProbeTally::kMost, UINT32_MAX, 30u, 2u}) tally.Take(Probe(ProbeKind::kSmall, number));
  EXPECT_EQ(tally.received(), 2u);
  EXPECT_EQ(tally.Compare({{ProbeKind::kSmall, 64, 20}})[0].received, 1u);
}

}  // namespace
}  // namespace replicast::doctor
