#include "server/capture/test_master.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/errors.h"

namespace replicast::capture {

TestMaster::TestMaster(uint64_t outbox_capacity) : outbox_capacity_(outbox_capacity) {
  OpenWriter();
  Run("PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL");
}

void TestMaster::OpenWriter() {
  sqlite::OpenOptions options;
  options.create = true;
  options.busy_timeout = absl::ZeroDuration();
  auto opened = sqlite::Database::Open(path(), options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  writer_ = *std::move(opened);
}

void TestMaster::Run(const std::string& sql) {
  const absl::Status status = writer_->Execute(sql);
  EXPECT_TRUE(status.ok()) << sql << ": " << status;
}

Value TestMaster::Query(const std::string& sql) {
  const auto value = writer_->QueryValue(sql);
  EXPECT_TRUE(value.ok()) << sql << ": " << value.status();
  return value.ok() && *value ? **value : Value{};
}

SqliteSource& TestMaster::source() {
  if (source_ == nullptr) {
    auto opened = SqliteSource::Open({.path = path(), .outbox_capacity = outbox_capacity_}, clock_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    REPLICAST_CHECK(opened.ok());
    source_ = *std::move(opened);
  }
  return *source_;
}

std::vector<Relation> TestMaster::Capture(const std::vector<std::string>& tables) {
  std::vector<Relation> relations;
  for (const std::string& table : tables) {
    auto relation = source().Describe(table);
    EXPECT_TRUE(relation.ok()) << relation.status();
    if (!relation.ok()) continue;
    relation->id = static_cast<uint32_t>(relations.size() + 1);
    relations.push_back(*std::move(relation));
  }
  const absl::Status captured = source().Capture(relations).status();
  EXPECT_TRUE(captured.ok()) << captured;
  return relations;
}

std::unique_ptr<Reading> TestMaster::Read(const Tail& published) {
  auto reading = source().Read(published);
  EXPECT_TRUE(reading.ok()) << reading.status();
  REPLICAST_CHECK(reading.ok());
  return *std::move(reading);
}

std::map<std::string, std::string> TestMaster::Touched(const Tail& after) {
  std::map<std::string, std::string> touched;
  const auto reading = Read(after);
  const absl::Status status =
      reading->ForEachTouched(after.number, [&](const Relation& relation, const Row& key, const Row* row) {
        const std::string name = relation.name + "(" + Display(key) + ")";
        const std::string now = row == nullptr ? "gone" : Display(*row);
        EXPECT_EQ(touched.emplace(name, now).first->second, now) << name << " came twice";
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return touched;
}

int TestMaster::Shell(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Display(const Row& row) {
  std::string text;
  for (const Value& value : row) text += (text.empty() ? "" : ", ") + ToDisplay(value);
  return text;
}

}  // namespace replicast::capture
