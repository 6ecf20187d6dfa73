#include "server/init.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <set>

#include "common/base/clock.h"
#include "common/base/errors.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/certificates.h"
#include "common/rpc/credentials_folder.h"
#include "server/capture/master_owner.h"
#include "server/server_folder.h"

namespace replicast {
namespace {

class InitTest : public testing::Test {
 protected:
  void SetUp() override {
    MakeMaster("master.db", true);
    options_.directory = folder_ + "/server";
    options_.config.database = folder_ + "/master.db";
    options_.config.listen = "127.0.0.1:7420";
  }
  void MakeMaster(const std::string& name, bool wal) {
    sqlite::OpenOptions options;
    options.create = true;
    const auto master = *sqlite::Database::Open(folder_ + "/" + name, options);
    if (wal) {
      ASSERT_TRUE(master->Execute("PRAGMA journal_mode=WAL").ok());
    }
    ASSERT_TRUE(master->Execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)").ok());
  }
  std::optional<ServerId> Owner() {
    const auto master = *sqlite::Database::Open(options_.config.database, sqlite::OpenOptions());
    return *capture::ReadOwner(*master);
  }
  std::set<std::string> Schema() {
    const auto master = *sqlite::Database::Open(options_.config.database, sqlite::OpenOptions());
    auto names = *master->Prepare("SELECT name FROM sqlite_master");
    std::set<std::string> all;
    while (*names.Step()) all.insert(names.Bytes(0));
    return all;
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  InitOptions options_;
};

TEST_F(InitTest, MakesAFolderThatAServerAndTheCliCanUse) {
  const absl::Status status = InitServer(options_);
  ASSERT_TRUE(status.ok()) << status;
  const ServerFolder folder(options_.directory);
  const auto identity = folder.LoadIdentity(SystemClock().Wall());
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(Owner(), identity->server);
  ServerConfig config;
  ASSERT_TRUE(ReadConfigFile(folder.File(ServerFolder::kConfig), &config).ok());
  EXPECT_EQ(config.database, options_.config.database);
  EXPECT_EQ(config.listen_enrolment, "127.0.0.1:7421");
  const auto credentials = rpc::LoadCredentials(options_.directory);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->address, "127.0.0.1:7420");
  EXPECT_EQ(crypto::ReadCertificate(credentials->certificate_pem)->role, "admin");
}

TEST_F(InitTest, SecretsAreForTheirOwnerAlone) {
  ASSERT_TRUE(InitServer(options_).ok());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.directory)) {
    struct stat facts {};
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
    const bool database = entry.path().filename().string().starts_with("state.db");
    if (!database) {
      EXPECT_EQ(facts.st_mode & 077, 0u) << entry.path();
    }
  }
  struct stat folder {};
  ASSERT_EQ(stat(options_.directory.c_str(), &folder), 0);
  EXPECT_EQ(folder.st_mode & 0777, 0700u);
}

TEST_F(InitTest, OverwritesNothing) {
  ASSERT_TRUE(InitServer(options_).ok());
  const auto owner = Owner();
  EXPECT_EQ(ReasonOf(InitServer(options_)), "SERVER_EXISTS");
  EXPECT_EQ(Owner(), owner);
}

TEST_F(InitTest, LeavesNoFolderBehindWhenTheMasterIsAnothers) {
  ASSERT_TRUE(InitServer(options_).ok());
  const auto owner = Owner();
  options_.directory = folder_ + "/second";
  const absl::Status status = InitServer(options_);
  EXPECT_EQ(ReasonOf(status), "OTHER_OWNER");
  EXPECT_NE(std::string(status.message()).find("--take-over"), std::string::npos);
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("second")) << entry.path();
  }
  EXPECT_EQ(Owner(), owner);
  options_.take_over = true;
  ASSERT_TRUE(InitServer(options_).ok());
  EXPECT_NE(Owner(), owner);
}

TEST_F(InitTest, AsksForTheWriteAheadLogAndSwitchesOnlyWhenTold) {
  MakeMaster("rollback.db", false);
  options_.config.database = folder_ + "/rollback.db";
  const absl::Status status = InitServer(options_);
  EXPECT_EQ(ReasonOf(status), "MASTER_NOT_WAL");
  EXPECT_NE(std::string(status.message()).find("--wal"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(options_.directory));
  options_.wal = true;
  EXPECT_TRUE(InitServer(options_).ok());
}

TEST_F(InitTest, MasterThatIsNotThereIsNotMade) {
  options_.config.database = folder_ + "/none.db";
  EXPECT_EQ(ReasonOf(InitServer(options_)), "MACHINE_FILE_MISSING");
  EXPECT_FALSE(std::filesystem::exists(options_.config.database));
}

TEST_F(InitTest, RemoveTakesEverythingOut) {
  const auto before = Schema();
  ASSERT_TRUE(InitServer(options_).ok());
  EXPECT_NE(Schema(), before);
  ASSERT_TRUE(RemoveFromMaster(options_.config.database).ok());
  EXPECT_EQ(Schema(), before);
}

TEST_F(InitTest, TwoServersOnOneFolderAreRefused) {
  ASSERT_TRUE(InitServer(options_).ok());
  const ServerFolder folder(options_.directory);
  const auto first = folder.TakeLock();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ReasonOf(folder.TakeLock().status()), "ALREADY_RUNNING");
}

TEST_F(InitTest, ATlsCertificateThatEndsSoonIsReplaced) {
  ASSERT_TRUE(InitServer(options_).ok());
  const ServerFolder folder(options_.directory);
  const absl::Time now = SystemClock().Wall();
  const std::string before = folder.LoadIdentity(now)->tls_certificate_pem;
  EXPECT_EQ(folder.LoadIdentity(now)->tls_certificate_pem, before);
  const auto later = folder.LoadIdentity(now + absl::Hours(24 * 700));
  ASSERT_TRUE(later.ok());
  EXPECT_NE(later->tls_certificate_pem, before);
  EXPECT_EQ(folder.LoadIdentity(now + absl::Hours(24 * 700))->tls_certificate_pem, later->tls_certificate_pem);
}

}  // namespace
}  // namespace replicast
