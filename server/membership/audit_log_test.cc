#include "server/membership/audit_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"

namespace replicast {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  std::unique_ptr<AuditLog> Open() {
    auto log = AuditLog::Open(path_, clock_);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : nullptr;
  }
  std::string Content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Put(const std::string& content) const { std::ofstream(path_, std::ios::binary) << content; }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::string path_ = folder_ + "/audit.log";
  ManualClock clock_;
};

TEST_F(AuditLogTest, ChainsLinesAcrossAnotherOpening) {
  ASSERT_TRUE(Open()->Append({"init", "add_admin", "a1", true, ""}).ok());
  ASSERT_TRUE(Open()->Append({"a1", "subscribe", "all", false, "not among its \"datasets\"\n"}).ok());
  EXPECT_EQ(*AuditLog::Verify(path_), 2u);
}

TEST_F(AuditLogTest, NoticesALineThatWasChangedOrTakenOut) {
  const auto log = Open();
  for (const char* subject : {"one", "two", "three"})
    ASSERT_TRUE(log->Append({"actor", "subscribe", subject, true, ""}).ok());
  const std::string whole = Content();
  std::string changed = whole;
  changed.replace(changed.find("two"), 3, "six");
  Put(changed);
  EXPECT_EQ(ReasonOf(AuditLog::Verify(path_).status()), "AUDIT_LOG_BROKEN");
  EXPECT_NE(std::string(AuditLog::Verify(path_).status().message()).find("line 2"), std::string::npos);
  const size_t second = whole.find('\n') + 1, third = whole.find('\n', second) + 1;
  Put(whole.substr(0, second) + whole.substr(third));
  EXPECT_EQ(ReasonOf(AuditLog::Verify(path_).status()), "AUDIT_LOG_BROKEN");
  EXPECT_EQ(ReasonOf(AuditLog::Open(path_, clock_).status()), "AUDIT_LOG_BROKEN");
}

TEST_F(AuditLogTest, CutsOffWhatACrashLeftOfALine) {
  ASSERT_TRUE(Open()->Append({"actor", "enroll", "m", true, ""}).ok());
  Put(Content() + "{\"time\":\"20");
  ASSERT_TRUE(Open()->Append({"actor", "enroll", "n", true, ""}).ok());
  EXPECT_EQ(*AuditLog::Verify(path_), 2u);
}

TEST_F(AuditLogTest, NamesOfStrangersMayHoldAnyBytes) {
  ASSERT_TRUE(Open()->Append({"actor", "enroll", std::string("\xff\x00\x1b\"\\", 5), true, "\xc3"}).ok());
  EXPECT_EQ(*AuditLog::Verify(path_), 1u);
}

TEST_F(AuditLogTest, SaysThatItCannotBeWritten) {
  std::filesystem::create_symlink("/dev/full", path_);
  EXPECT_EQ(ReasonOf(Open()->Append({"actor", "subscribe", "all", true, ""})), "AUDIT_LOG_UNWRITABLE");
}

}  // namespace
}  // namespace replicast
