#include "common/crypto/certificates.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "common/base/temporary_folder.h"

namespace replicast::crypto {
namespace {

constexpr int64_t kBegin = 1'700'000'000;
constexpr int64_t kEnd = 4'000'000'000;  // beyond 2050, where DER writes times in another way

// A CA, and what it issues.
class CertificatesTest : public ::testing::Test {
 protected:
  std::optional<std::string> Issue(const std::string& role, const std::vector<std::string>& dns = {},
                                   const std::vector<std::string>& ips = {}) const {
    return IssueDer(ca_, ca_key_, request_, {"0123abcd", role, kBegin, kEnd}, dns, ips);
  }

  const std::string ca_key_ = GeneratePrivateKeyPem();
  const std::string ca_ = CreateCaPem(ca_key_, "Replicast CA", kBegin, kEnd);
  const std::string key_ = GeneratePrivateKeyPem();
  const std::string request_ = CreateRequestDer(key_, "whatever");
};

TEST_F(CertificatesTest, ACaSaysWhoItIs) {
  const auto info = ReadCertificate(ca_);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->common_name, "Replicast CA");
  EXPECT_EQ(info->role, "");
  EXPECT_EQ(info->not_before, kBegin);
  EXPECT_EQ(info->not_after, kEnd);
}

TEST_F(CertificatesTest, TheIssuerAndNotTheRequestNamesTheHolder) {
  const auto der = Issue("member");
  ASSERT_TRUE(der.has_value());
  const auto info = ReadCertificate(*der);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->common_name, "0123abcd");
  EXPECT_EQ(info->role, "member");
  EXPECT_EQ(info->not_before, kBegin);
  EXPECT_EQ(info->not_after, kEnd);
  EXPECT_EQ(ReadCertificate(DerToPem(*der))->common_name, "0123abcd");
}

TEST_F(CertificatesTest, PemAndDerAreTheSameCertificate) {
  const auto der = PemToDer(ca_);
  ASSERT_TRUE(der.has_value());
  EXPECT_EQ(DerToPem(*der), ca_);
  EXPECT_EQ(PemToDer(DerToPem(*der)), der);
  EXPECT_FALSE(PemToDer("no PEM").has_value());
  EXPECT_FALSE(PemToDer("").has_value());
}

TEST_F(CertificatesTest, ARequestKeepsItsKey) {
  const auto key = RequestPublicKey(request_);
  ASSERT_TRUE(key.has_value());
  // The same key with another name; another key.
  EXPECT_EQ(RequestPublicKey(CreateRequestDer(key_, "other")), key);
  EXPECT_NE(RequestPublicKey(CreateRequestDer(GeneratePrivateKeyPem(), "whatever")), key);
}

TEST_F(CertificatesTest, ARequestThatWasTouchedIsRefused) {
  for (size_t i = 0; i < request_.size(); ++i) {
    std::string touched = request_;
    touched[i] = static_cast<char>(touched[i] ^ 1);
    EXPECT_FALSE(RequestPublicKey(touched).has_value()) << i;
    EXPECT_FALSE(RequestPublicKey(request_.substr(0, i)).has_value()) << i;
  }
  EXPECT_FALSE(RequestPublicKey(request_ + '\0').has_value());
  std::string touched = request_;
  touched.back() = static_cast<char>(touched.back() ^ 1);
  EXPECT_FALSE(IssueDer(ca_, ca_key_, touched, {"id", "member", kBegin, kEnd}, {}, {}).has_value());
}

TEST_F(CertificatesTest, OnlyTheCasOwnKeyIssues) {
  EXPECT_FALSE(IssueDer(ca_, key_, request_, {"id", "member", kBegin, kEnd}, {}, {}).has_value());
  EXPECT_FALSE(IssueDer("", ca_key_, request_, {"id", "member", kBegin, kEnd}, {}, {}).has_value());
  EXPECT_FALSE(IssueDer(ca_, "", request_, {"id", "member", kBegin, kEnd}, {}, {}).has_value());
}

TEST_F(CertificatesTest, RefusesNamesAndTimesThatCannotBe) {
  EXPECT_FALSE(Issue("server", {""}).has_value());
  EXPECT_FALSE(Issue("server", {"a b"}).has_value());
  EXPECT_FALSE(Issue("server", {}, {"localhost"}).has_value());
  EXPECT_FALSE(Issue("server", {}, {"1.2.3"}).has_value());
  EXPECT_FALSE(IssueDer(ca_, ca_key_, request_, {"id", "member", kEnd, kBegin}, {}, {}).has_value());
  EXPECT_FALSE(IssueDer(ca_, ca_key_, request_, {"id", "member", kBegin, INT64_MAX}, {}, {}).has_value());
  EXPECT_FALSE(IssueDer(ca_, ca_key_, request_, {std::string(1000, 'x'), "member", kBegin, kEnd}, {}, {}).has_value());
}

TEST_F(CertificatesTest, NoCertificateIsIssuedForANameWithANulWhichNobodyCouldRead) {
  const std::string name("01\0ff", 5);
  EXPECT_FALSE(IssueDer(ca_, ca_key_, request_, {name, "member", kBegin, kEnd}, {}, {}).has_value());
  EXPECT_FALSE(IssueDer(ca_, ca_key_, request_, {"01", name, kBegin, kEnd}, {}, {}).has_value());
}

// Found by fuzzing: with "-----BEGIN" anywhere in it, DER was taken for PEM.
TEST_F(CertificatesTest, ANameThatHoldsPemsFirstLineIsStillReadFromDer) {
  const std::string name = "-----BEGIN CERTIFICATE-----\n";
  const auto der = IssueDer(ca_, ca_key_, request_, {name, "member", kBegin, kEnd}, {}, {});
  ASSERT_TRUE(der.has_value());
  for (const std::string& form : {*der, DerToPem(*der)}) {
    const auto info = ReadCertificate(form);
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->common_name, name);
  }
}

TEST_F(CertificatesTest, ABadKeyMakesNothing) {
  EXPECT_EQ(CreateCaPem("no key", "CA", kBegin, kEnd), "");
  EXPECT_EQ(CreateRequestDer("", "x"), "");
  EXPECT_EQ(CreateRequestDer(ca_, "x"), "");
}

TEST_F(CertificatesTest, ReadsNothingOutOfGarbage) {
  EXPECT_FALSE(ReadCertificate("").has_value());
  EXPECT_FALSE(ReadCertificate("garbage").has_value());
  EXPECT_FALSE(ReadCertificate(key_).has_value());
  const std::string der = *PemToDer(ca_);
  for (size_t size = 0; size < der.size(); ++size)
    EXPECT_FALSE(ReadCertificate(der.substr(0, size)).has_value()) << size;
  EXPECT_FALSE(ReadCertificate(der + '\0').has_value());
}

TEST_F(CertificatesTest, NoTwoAreAlike) {
  std::set<std::string> seen;
  for (int i = 0; i < 10; ++i) seen.insert(*Issue("member"));
  EXPECT_EQ(seen.size(), 10u);
}

// OpenSSL is what checks them in TLS: its command says what it thinks of them.
class OpensslTest : public CertificatesTest {
 protected:
  void SetUp() override {
    if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl command here";
    Write("ca.pem", ca_);
    Write("key.pem", key_);
    std::ofstream(folder_ + "/request.der", std::ios::binary) << request_;
  }

  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ + "/" + name) << content;
  }
  bool Succeeds(const std::string& arguments) const {
    return std::system(("cd '" + folder_ + "' && openssl " + arguments + " >output 2>&1").c_str()) == 0;
  }
  // Whether the certificate passes, at a time when it is valid.
  bool Verifies(const std::string& options) const {
    return Succeeds("verify -x509_strict -attime 1800000000 -CAfile ca.pem " + options + " certificate.pem");
  }
  std::string Output() const {
    std::ifstream file(folder_ + "/output");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
};

TEST_F(OpensslTest, TakesAServersCertificate) {
  Write("certificate.pem", DerToPem(*Issue("server", {"localhost", "db.example"}, {"127.0.0.1", "::1"})));
  EXPECT_TRUE(Verifies("-purpose sslserver -verify_hostname localhost")) << Output();
  EXPECT_TRUE(Verifies("-purpose sslserver -verify_hostname db.example")) << Output();
  EXPECT_TRUE(Verifies("-purpose sslserver -verify_ip 127.0.0.1")) << Output();
  EXPECT_TRUE(Verifies("-purpose sslserver -verify_ip ::1")) << Output();
  EXPECT_TRUE(Verifies("-purpose sslclient")) << Output();
  EXPECT_FALSE(Verifies("-purpose sslserver -verify_hostname other"));
}

TEST_F(OpensslTest, AMemberCannotPassForAServer) {
  Write("certificate.pem", DerToPem(*Issue("member")));
  EXPECT_TRUE(Verifies("-purpose sslclient")) << Output();
  EXPECT_FALSE(Verifies("-purpose sslserver"));
}

TEST_F(OpensslTest, RefusesTheCertificateOfAnotherCa) {
  const std::string other_key = GeneratePrivateKeyPem();
  const std::string other = CreateCaPem(other_key, "Replicast CA", kBegin, kEnd);
  const auto der = IssueDer(other, other_key, request_, {"id", "member", kBegin, kEnd}, {}, {});
  ASSERT_TRUE(der.has_value());
  Write("certificate.pem", DerToPem(*der));
  EXPECT_FALSE(Verifies("-purpose sslclient"));
}

TEST_F(OpensslTest, AMemberCannotIssueCertificates) {
  const auto member = DerToPem(*Issue("member"));
  // Our own issuer does not look at what the certificate may do; the verifier does.
  const auto der = IssueDer(member, key_, request_, {"id", "admin", kBegin, kEnd}, {}, {});
  ASSERT_TRUE(der.has_value());
  Write("member.pem", member);
  Write("certificate.pem", DerToPem(*der));
  EXPECT_FALSE(Verifies("-purpose sslclient -untrusted member.pem"));
}

TEST_F(OpensslTest, ReadsKeysAndRequests) {
  EXPECT_TRUE(Succeeds("pkey -in key.pem -noout -check")) << Output();
  EXPECT_TRUE(Succeeds("req -inform der -in request.der -noout -verify")) << Output();
}

TEST_F(OpensslTest, AKeyOfAnotherKindIsRefused) {
  ASSERT_TRUE(Succeeds("req -new -newkey rsa:2048 -nodes -keyout rsa.pem -subj /CN=x -outform der -out rsa.der"))
      << Output();
  std::ifstream file(folder_ + "/rsa.der", std::ios::binary);
  EXPECT_FALSE(RequestPublicKey(std::string(std::istreambuf_iterator<char>(file), {})).has_value());
  ASSERT_TRUE(
      Succeeds("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.pem -subj /CN=x -outform der "
               "-out ec.der"))
      << Output();
  std::ifstream ec(folder_ + "/ec.der", std::ios::binary);
  EXPECT_TRUE(RequestPublicKey(std::string(std::istreambuf_iterator<char>(ec), {})).has_value());
}

}  // namespace
}  // namespace replicast::crypto
