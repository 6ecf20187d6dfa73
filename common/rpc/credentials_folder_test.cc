#include "common/rpc/credentials_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"
#include "common/rpc/files.h"

namespace replicast::rpc {
namespace {

class CredentialsFolderTest : public testing::Test {
 protected:
  static unsigned Mode(const std::string& path) {
    struct stat facts {};
    return stat(path.c_str(), &facts) == 0 ? facts.st_mode & 0777 : 0;
  }
  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const Credentials credentials_ = {"ca", "certificate", "key", "192.0.2.1:7420"};
};

TEST_F(CredentialsFolderTest, GivesBackWhatWasSaved) {
  const std::string folder = JoinPath(folder_, "mine");
  ASSERT_TRUE(SaveCredentials(folder, credentials_).ok());
  const auto loaded = LoadCredentials(folder);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->ca_pem, "ca");
  EXPECT_EQ(loaded->certificate_pem, "certificate");
  EXPECT_EQ(loaded->key_pem, "key");
  EXPECT_EQ(loaded->address, "192.0.2.1:7420");
}

TEST_F(CredentialsFolderTest, IsForItsOwnerAlone) {
  const std::string folder = JoinPath(folder_, "mine");
  ASSERT_TRUE(SaveCredentials(folder, credentials_).ok());
  EXPECT_EQ(Mode(folder), 0700u);
  for (const char* name : {kCaFile, kCertificateFile, kKeyFile, kAddressFile})
    EXPECT_EQ(Mode(JoinPath(folder, name)), 0600u) << name;
}

TEST_F(CredentialsFolderTest, TakesAServersFolderForItsAdmin) {
  ASSERT_TRUE(SaveCredentials(JoinPath(folder_, kAdminFolder), credentials_).ok());
  EXPECT_TRUE(LoadCredentials(folder_).ok());
}

TEST_F(CredentialsFolderTest, SaysWhichFileIsMissing) {
  const absl::Status status = LoadCredentials(folder_).status();
  EXPECT_EQ(ReasonOf(status), "MACHINE_CREDENTIALS_MISSING");
  EXPECT_NE(std::string(status.message()).find(JoinPath(folder_, kCaFile)), std::string::npos);
}

TEST_F(CredentialsFolderTest, ReplacesAFileWholly) {
  const std::string path = JoinPath(folder_, "file");
  ASSERT_TRUE(WriteSecretFile(path, "a long first content").ok());
  ASSERT_TRUE(WriteSecretFile(path, "short").ok());
  EXPECT_EQ(*ReadFile(path), "short");
  EXPECT_FALSE(Exists(path + ".new"));
}

TEST_F(CredentialsFolderTest, AFileThatCannotBeWrittenIsSaid) {
  const absl::Status status = WriteSecretFile(JoinPath(folder_, "no/such/file"), "x");
  EXPECT_EQ(ReasonOf(status), "MACHINE_FILE_MISSING");
}

}  // namespace
}  // namespace replicast::rpc
