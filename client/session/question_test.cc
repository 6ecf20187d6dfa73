#include "client/session/question.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);

TEST(QuestionTest, IsRepeatedEverMoreRarely) {
  Question question;
  EXPECT_EQ(question.RepeatAt(), absl::InfiniteFuture());
  question.Begin(kNow);
  EXPECT_EQ(question.RepeatAt(), kNow + Question::kFirst);
  question.Repeat(kNow + Question::kFirst);
  EXPECT_EQ(question.RepeatAt(), kNow + 3 * Question::kFirst);
  for (int i = 0; i < 10; ++i) question.Repeat(kNow);
  EXPECT_EQ(question.RepeatAt(), kNow + limits::kRpcDeadline);
}

TEST(QuestionTest, TheFirstGoodAnswerEndsIt) {
  Question question;
  const uint64_t first = question.Begin(kNow), second = question.Repeat(kNow);
  EXPECT_TRUE(question.Takes(first, true));
  EXPECT_FALSE(question.open());
  EXPECT_FALSE(question.Takes(second, true));
}

TEST(QuestionTest, AFailureCountsWhenNoOtherAnswerIsOnItsWay) {
  Question question;
  const uint64_t first = question.Begin(kNow), second = question.Repeat(kNow);
  EXPECT_FALSE(question.Takes(first, false));
  EXPECT_TRUE(question.Takes(second, false));
}

TEST(QuestionTest, AnswersToAnEarlierOneDoNotCount) {
  Question question;
  const uint64_t earlier = question.Begin(kNow);
  question.End();
  const uint64_t now = question.Begin(kNow);
  EXPECT_FALSE(question.Takes(earlier, true));
  EXPECT_TRUE(question.Takes(now, true));
}

}  // namespace
}  // namespace replicast
