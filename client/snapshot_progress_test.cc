#include "client/snapshot_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace replicast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SnapshotProgressTest : public ::testing::Test {
 protected:
  std::string Printed() {
    std::string text;
    std::rewind(file_.get());
    std::array<char, 4096> buffer;
    for (size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), file_.get())) > 0;)
      text.append(buffer.data(), got);
    return text;
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{std::tmpfile(), &std::fclose};
  absl::Time now_ = absl::FromUnixSeconds(1000);
};

TEST_F(SnapshotProgressTest, ALineASecondWhereThereIsNoTerminal) {
  SnapshotProgress progress(file_.get(), false);
  for (int i = 0; i <= 25; ++i)
    progress.Update(static_cast<uint64_t>(i) * 1000, static_cast<uint64_t>(i) * 50'000, 100'000,
                    now_ + absl::Milliseconds(100) * i);
  const std::string text = Printed();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, HasSubstr("10,000 of 100,000 rows"));
  EXPECT_THAT(text, HasSubstr("10,000 rows/s"));
  EXPECT_THAT(text, HasSubstr("left"));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST_F(SnapshotProgressTest, ABarOnATerminalThatOtherLinesReplace) {
  SnapshotProgress progress(file_.get(), true);
  progress.Update(0, 0, 100, now_);
  progress.Update(50, 1000, 100, now_ + absl::Seconds(1));
  progress.PrintLine("something else");
  const std::string text = Printed();
  EXPECT_THAT(text, HasSubstr("[############............]"));
  EXPECT_THAT(text, HasSubstr("\r\033[Ksomething else\n"));
}

TEST_F(SnapshotProgressTest, RowsOfAnEarlierRunDoNotCountIntoTheRate) {
  SnapshotProgress progress(file_.get(), false);
  progress.Update(1'000'000, 0, 2'000'000, now_);
  progress.Update(1'000'500, 0, 2'000'000, now_ + absl::Seconds(1));
  EXPECT_THAT(Printed(), HasSubstr(" 500 rows/s"));
}

TEST_F(SnapshotProgressTest, SaysWhatItTook) {
  SnapshotProgress progress(file_.get(), false);
  progress.Done(now_);
  EXPECT_EQ(Printed(), "");
  progress.Update(10, 10, 0, now_);
  progress.Update(70, 10, 0, now_ + absl::Milliseconds(10));
  progress.Done(now_ + absl::Seconds(2));
  EXPECT_THAT(Printed(), HasSubstr("snapshot complete: 70 rows"));
}

}  // namespace
}  // namespace replicast
