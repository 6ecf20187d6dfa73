#include "common/crypto/crypto.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "common/base/encoding.h"
#include "common/crypto/verification_memo.h"

namespace replicast::crypto {
namespace {

std::string Raw(std::string_view hex) {
  const auto bytes = HexDecode(hex);
  EXPECT_TRUE(bytes.has_value()) << hex;
  return bytes.value_or("");
}

std::string Hex(const Sha256Digest& digest) {
  return HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

TEST(Sha256Test, GivesTheStandardsDigests) {
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Test, PiecesGiveTheDigestOfTheWhole) {
  Sha256Hasher hasher;
  hasher.Update("ab");
  hasher.Update("");
  hasher.Update("c");
  EXPECT_EQ(hasher.Finish(), Sha256("abc"));
  EXPECT_EQ(Sha256Hasher().Finish(), Sha256(""));
}

// RFC 5869, appendix A.1 to A.3.
TEST(HkdfTest, GivesTheStandardsKeys) {
  EXPECT_EQ(HexEncode(Hkdf(Raw("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), Raw("000102030405060708090a0b0c"),
                           Raw("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  std::string secret, salt, info;
  for (int i = 0; i < 0x50; ++i) {
    secret.push_back(static_cast<char>(i));
    salt.push_back(static_cast<char>(0x60 + i));
    info.push_back(static_cast<char>(0xb0 + i));
  }
  EXPECT_EQ(HexEncode(Hkdf(secret, salt, info, 82)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(HexEncode(Hkdf(Raw("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), "", "", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

struct GcmVector {
  const char *key, *nonce, *associated, *plain, *sealed;
};

// Test cases 14 and 16 of the GCM specification.
TEST(AeadTest, GivesTheStandardsCipherText) {
  const GcmVector vectors[] = {
      {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
       "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
      {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
       "feedfacedeadbeeffeedfacedeadbeefabaddad2",
       "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
       "b16aedf5aa0de657ba637b39",
       "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
       "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"}};
  for (const GcmVector& vector : vectors) {
    const Aead aead(Raw(vector.key));
    std::string sealed = "before";
    aead.Seal(Raw(vector.nonce), Raw(vector.associated), Raw(vector.plain), &sealed);
    EXPECT_EQ(HexEncode(sealed), HexEncode("before") + vector.sealed);
    std::string opened = "replaced";
    ASSERT_TRUE(aead.Open(Raw(vector.nonce), Raw(vector.associated), sealed.substr(6), &opened));
    EXPECT_EQ(HexEncode(opened), vector.plain);
  }
}

TEST(AeadTest, OpensNothingThatWasTouched) {
  const Aead aead(std::string(kAeadKeySize, 'k'));
  const std::string nonce(kAeadNonceSize, 'n');
  std::string sealed;
  aead.Seal(nonce, "header", "some payload", &sealed);
  std::string out;
  ASSERT_TRUE(aead.Open(nonce, "header", sealed, &out));
  EXPECT_EQ(out, "some payload");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string touched = sealed;
    touched[i] = static_cast<char>(touched[i] ^ 1);
    out = "left over";
    EXPECT_FALSE(aead.Open(nonce, "header", touched, &out)) << i;
    EXPECT_EQ(out, "");
  }
  EXPECT_FALSE(aead.Open(std::string(kAeadNonceSize, 'm'), "header", sealed, &out));
  EXPECT_FALSE(aead.Open(nonce.substr(1), "header", sealed, &out));
  EXPECT_FALSE(aead.Open(nonce, "another", sealed, &out));
  EXPECT_FALSE(aead.Open(nonce, "header", sealed.substr(0, kAeadTagSize - 1), &out));
  EXPECT_FALSE(aead.Open(nonce, "header", "", &out));
  EXPECT_FALSE(Aead(std::string(kAeadKeySize, 'x')).Open(nonce, "header", sealed, &out));
}

TEST(AeadTest, SealsNothingToATag) {
  const Aead aead(std::string(kAeadKeySize, 'k'));
  const std::string nonce(kAeadNonceSize, 'n');
  std::string sealed, out = "x";
  aead.Seal(nonce, "", "", &sealed);
  EXPECT_EQ(sealed.size(), kAeadTagSize);
  EXPECT_TRUE(aead.Open(nonce, "", sealed, &out));
  EXPECT_EQ(out, "");
}

TEST(AeadTest, ServesSeveralThreadsAtOnce) {
  const Aead aead(std::string(kAeadKeySize, 'k'));
  std::vector<std::thread> threads;
  std::vector<int> opened(4, 0);
  for (size_t t = 0; t < opened.size(); ++t) {
    threads.emplace_back([&, t] {
      const std::string nonce(kAeadNonceSize, static_cast<char>(t));
      for (int i = 0; i < 200; ++i) {
        std::string sealed, out;
        aead.Seal(nonce, "", "payload", &sealed);
        opened[t] += aead.Open(nonce, "", sealed, &out) && out == "payload";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, std::vector<int>(4, 200));
}

TEST(AeadDeathTest, AKeyOfAnotherSizeIsABrokenInvariant) { EXPECT_DEATH(Aead("short"), "32 bytes"); }

struct Ed25519Vector {
  const char *seed, *public_key, *message, *signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
TEST(Ed25519Test, GivesTheStandardsSignatures) {
  const Ed25519Vector vectors[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
       "d25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
       "387b2eaeb4302aeeb00d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
       "4a7c15e9716ed28dc027beceea1ec40a"}};
  for (const Ed25519Vector& vector : vectors) {
    EXPECT_EQ(HexEncode(SignEd25519(Raw(vector.seed) + Raw(vector.public_key), Raw(vector.message))), vector.signature);
    EXPECT_TRUE(VerifyEd25519(Raw(vector.public_key), Raw(vector.message), Raw(vector.signature)));
  }
}

TEST(Ed25519Test, RefusesAnythingElse) {
  const KeyPair key = GenerateEd25519();
  ASSERT_EQ(key.public_key.size(), 32u);
  ASSERT_EQ(key.private_key.size(), 64u);
  const std::string signature = SignEd25519(key.private_key, "message");
  EXPECT_TRUE(VerifyEd25519(key.public_key, "message", signature));
  EXPECT_FALSE(VerifyEd25519(key.public_key, "massage", signature));
  EXPECT_FALSE(VerifyEd25519(GenerateEd25519().public_key, "message", signature));
  EXPECT_FALSE(VerifyEd25519(key.public_key, "message", signature.substr(1)));
  EXPECT_FALSE(VerifyEd25519(key.public_key, "message", ""));
  EXPECT_FALSE(VerifyEd25519("", "message", signature));
  for (size_t i = 0; i < signature.size(); ++i) {
    std::string touched = signature;
    touched[i] = static_cast<char>(touched[i] ^ 0x40);
    EXPECT_FALSE(VerifyEd25519(key.public_key, "message", touched)) << i;
  }
}

TEST(VerificationMemoTest, SaysTheFirstTimeAndTheSecondWhatIsSaidWithoutIt) {
  const KeyPair key = GenerateEd25519(), other = GenerateEd25519();
  const std::string signature = SignEd25519(key.private_key, "message");
  const VerificationMemo memo;
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(VerifyEd25519(key.public_key, "message", signature));
    EXPECT_FALSE(VerifyEd25519(key.public_key, "massage", signature));
    EXPECT_FALSE(VerifyEd25519(other.public_key, "message", signature));
    EXPECT_FALSE(VerifyEd25519(key.public_key, "message", SignEd25519(other.private_key, "message")));
    EXPECT_FALSE(VerifyEd25519(key.public_key, "message", signature.substr(1)));
  }
}

TEST(VerificationMemoTest, IsForgottenWithItsObject) {
  { const VerificationMemo memo; }
  EXPECT_EQ(VerificationMemo::Current(), nullptr);
  const VerificationMemo next;
  EXPECT_EQ(VerificationMemo::Current(), &next);
}

TEST(HpkeTest, OnlyTheReceiverOpens) {
  const KeyPair key = GenerateX25519();
  ASSERT_EQ(key.public_key.size(), 32u);
  ASSERT_EQ(key.private_key.size(), 32u);
  const auto sealed = HpkeSeal(key.public_key, "info", "a secret");
  ASSERT_TRUE(sealed.has_value());
  EXPECT_EQ(sealed->size(), 32 + 8 + kAeadTagSize);
  EXPECT_EQ(HpkeOpen(key, "info", *sealed), "a secret");
  EXPECT_FALSE(HpkeOpen(key, "other", *sealed).has_value());
  EXPECT_FALSE(HpkeOpen(GenerateX25519(), "info", *sealed).has_value());
  for (size_t i = 0; i < sealed->size(); ++i) {
    std::string touched = *sealed;
    touched[i] = static_cast<char>(touched[i] ^ 1);
    EXPECT_FALSE(HpkeOpen(key, "info", touched).has_value()) << i;
    EXPECT_FALSE(HpkeOpen(key, "info", sealed->substr(0, i)).has_value()) << i;
  }
}

TEST(HpkeTest, NeverSealsTheSameWayTwice) {
  const KeyPair key = GenerateX25519();
  EXPECT_NE(HpkeSeal(key.public_key, "", "x"), HpkeSeal(key.public_key, "", "x"));
}

TEST(HpkeTest, RefusesWhatIsNoKey) {
  EXPECT_FALSE(HpkeSeal("short", "", "x").has_value());
  // The point of small order, with which everybody would share the secret.
  EXPECT_FALSE(HpkeSeal(std::string(32, '\0'), "", "x").has_value());
  const auto sealed = HpkeSeal(GenerateX25519().public_key, "", "x");
  EXPECT_FALSE(HpkeOpen({"", "short"}, "", *sealed).has_value());
}

TEST(SecretsTest, AreComparedWhole) {
  EXPECT_TRUE(EqualSecrets("abc", "abc"));
  EXPECT_TRUE(EqualSecrets("", ""));
  EXPECT_FALSE(EqualSecrets("abc", "abd"));
  EXPECT_FALSE(EqualSecrets("abc", "ab"));
}

TEST(SecretsTest, AreOverwrittenWhenErased) {
  std::string secret(64, 's');
  const char* where = secret.data();
  Erase(&secret);
  EXPECT_TRUE(secret.empty());
  // The string still owns its memory.
  ASSERT_EQ(secret.data(), where);
  EXPECT_EQ(std::string(where, 64), std::string(64, '\0'));
}

TEST(RandomBytesTest, DoNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    std::string bytes(16, '\0');
    RandomBytes(bytes.data(), bytes.size());
    seen.insert(bytes);
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(LibraryTest, IsBoringSsl) { EXPECT_EQ(LibraryName(), "BoringSSL"); }

}  // namespace
}  // namespace replicast::crypto
