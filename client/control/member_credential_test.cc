#include "client/control/member_credential.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/base/random.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/certificates.h"
#include "common/rpc/files.h"

namespace replicast {
namespace {

class MemberCredentialTest : public ::testing::Test {
 protected:
  MemberCredentialTest() {
    SystemRandom random;
    member_ = random.Identifier<MemberId>();
    const std::string ca_key = crypto::GeneratePrivateKeyPem();
    credential_.rpc.ca_pem = crypto::CreateCaPem(ca_key, "test", 1000, 9000);
    const auto keys = KeysForEnrolment(folder_);
    EXPECT_TRUE(keys.ok());
    credential_.rpc.key_pem = keys->key_pem;
    credential_.x25519 = keys->x25519;
    credential_.rpc.address = "127.0.0.1:7420";
    const std::string request = crypto::CreateRequestDer(keys->key_pem, "replica");
    credential_.rpc.certificate_pem = crypto::DerToPem(
        *crypto::IssueDer(credential_.rpc.ca_pem, ca_key, request, {member_.ToHex(), "member", 2000, 8000}, {}, {}));
    credential_.server = random.Identifier<ServerId>();
    credential_.token_id = "some token";
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path() + "/credential";
  MemberId member_;
  MemberCredential credential_;
};

TEST_F(MemberCredentialTest, ADatabaseThatNeverJoinedHasNone) {
  const auto loaded = LoadMemberCredential(folder_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_FALSE(loaded->has_value());
  EXPECT_EQ(LoadReplicaSettings(folder_)->dataset, "");
}

TEST_F(MemberCredentialTest, ComesBackAsItWasSaved) {
  const ReplicaSettings settings{.dataset = "catalogue",
                                 .interface = "lo",
                                 .max_rate_bytes_per_second = 5'000'000,
                                 .transport = "unicast",
                                 .server_remembers = true,
                                 .schedule = {"22:00-06:00"},
                                 .rate_cap_bytes_per_second = 77};
  ASSERT_TRUE(SaveMember(folder_, credential_, settings).ok());
  const auto loaded = LoadMemberCredential(folder_);
  ASSERT_TRUE(loaded.ok() && loaded->has_value()) << loaded.status();
  EXPECT_EQ((*loaded)->member, member_);
  EXPECT_EQ((*loaded)->server, credential_.server);
  EXPECT_EQ((*loaded)->token_id, "some token");
  EXPECT_EQ((*loaded)->x25519.private_key, credential_.x25519.private_key);
  EXPECT_EQ((*loaded)->rpc.address, "127.0.0.1:7420");
  EXPECT_EQ((*loaded)->not_after, absl::FromUnixSeconds(8000));
  EXPECT_EQ(*LoadReplicaSettings(folder_), settings);
}

TEST_F(MemberCredentialTest, NobodyElseCanReadIt) {
  ASSERT_TRUE(SaveMember(folder_, credential_, {}).ok());
  struct stat info {};
  ASSERT_EQ(stat(folder_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    ASSERT_EQ(stat(file.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file.path();
  }
}

TEST_F(MemberCredentialTest, AnEnrolmentThatBrokeOffIsRepeatedWithTheSameKeys) {
  EXPECT_EQ(KeysForEnrolment(folder_)->key_pem, credential_.rpc.key_pem);
  ASSERT_TRUE(SaveMember(folder_, credential_, {}).ok());
  // A later enrolment, with another token, is another member.
  EXPECT_NE(KeysForEnrolment(folder_)->key_pem, credential_.rpc.key_pem);
  EXPECT_EQ((*LoadMemberCredential(folder_))->rpc.key_pem, credential_.rpc.key_pem);
}

TEST_F(MemberCredentialTest, ADamagedOneSaysWhatToDo) {
  ASSERT_TRUE(SaveMember(folder_, credential_, {}).ok());
  ASSERT_TRUE(rpc::WriteSecretFile(folder_ + "/x25519.key", "short").ok());
  const auto loaded = LoadMemberCredential(folder_);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(std::string(loaded.status().message()).find("join again"), std::string::npos);
}

}  // namespace
}  // namespace replicast
