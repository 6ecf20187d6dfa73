#include "common/crypto/certificates.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "common/crypto/internal.h"

namespace replicast::crypto {
namespace {

constexpr size_t kMaxInputSize = 1 << 20;
constexpr int64_t kSecondsPerDay = 24 * 3600;
// DER's first and last four-digit years.
constexpr int64_t kEarliest = -62'167'219'200;
constexpr int64_t kLatest = 253'402'300'799;

bssl::UniquePtr<BIO> ReadBio(std::string_view bytes) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string BioContent(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  Require(BIO_mem_contents(bio, &data, &size) == 1, "memory can be read");
  return {reinterpret_cast<const char*>(data), size};
}

// The DER bytes that a BoringSSL i2d function writes; empty when it fails.
template <typename T>
std::string ToDer(int (*encode)(T*, uint8_t**), T* object) {
  uint8_t* bytes = nullptr;
  const int size = encode(object, &bytes);
  bssl::UniquePtr<uint8_t> owner(bytes);
  return size > 0 ? std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)) : std::string();
}

bool IsP256(const EVP_PKEY* key) {
  const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key);
  return ec != nullptr && EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) == NID_X9_62_prime256v1;
}

// Never asks a terminal for a pass phrase.
int NoPassPhrase(char*, int, int, void*) { return -1; }

bssl::UniquePtr<EVP_PKEY> ReadPrivateKey(std::string_view pem) {
  if (pem.size() > kMaxInputSize) return nullptr;
  const auto bio = ReadBio(pem);
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassPhrase, nullptr));
  if (key == nullptr || !IsP256(key.get())) return nullptr;
  return key;
}

bssl::UniquePtr<X509> FromDer(std::string_view der) {
  if (der.size() > kMaxInputSize) return nullptr;
  const uint8_t* at = Bytes(der);
  bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr || at != Bytes(der) + der.size()) return nullptr;
  return certificate;
}

// DER, else PEM: a name inside DER may hold what a PEM begins with, but no PEM is a certificate's DER.
bssl::UniquePtr<X509> ReadX509(std::string_view pem_or_der) {
  if (auto certificate = FromDer(pem_or_der)) return certificate;
  const auto der = PemToDer(pem_or_der);
  return der ? FromDer(*der) : nullptr;
}

// The request and its key, if the key is of our kind and signed the request.
bssl::UniquePtr<EVP_PKEY> KeyOfRequest(std::string_view der) {
  if (der.size() > kMaxInputSize) return nullptr;
  const uint8_t* at = Bytes(der);
  bssl::UniquePtr<X509_REQ> request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (request == nullptr || at != Bytes(der) + der.size()) return nullptr;
  bssl::UniquePtr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()));
  // The kind first: checking the signature of a huge RSA key is work that a stranger could ask for.
  if (key == nullptr || !IsP256(key.get()) || X509_REQ_verify(request.get(), key.get()) != 1) return nullptr;
  return key;
}

// Not with a NUL inside, which readers refuse.
bool AddToName(X509_NAME* name, int nid, std::string_view text) {
  return text.find('\0') == std::string_view::npos &&
         X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, Bytes(text), static_cast<int>(text.size()), -1, 0) == 1;
}

// Empty when there is none; nothing when it is ambiguous: two of it, or a NUL inside.
std::optional<std::string> FromName(const X509_NAME* name, int nid) {
  const int index = X509_NAME_get_index_by_NID(name, nid, -1);
  if (index < 0) return std::string();
  if (X509_NAME_get_index_by_NID(name, nid, index) >= 0) return std::nullopt;
  uint8_t* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  bssl::UniquePtr<uint8_t> owner(utf8);
  if (size < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  if (text.find('\0') != std::string::npos) return std::nullopt;
  return text;
}

bool SetTime(ASN1_TIME* time, int64_t seconds) {
  return seconds >= kEarliest && seconds <= kLatest && ASN1_TIME_set(time, static_cast<time_t>(seconds)) != nullptr;
}

std::optional<int64_t> ToSeconds(const ASN1_TIME* time) {
  bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (epoch == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return std::nullopt;
  return days * kSecondsPerDay + seconds;
}

// 127 random bits: nobody can foretell it, and two never meet.
bool SetRandomSerial(X509* certificate) {
  std::array<uint8_t, 16> bytes{};
  RAND_bytes(bytes.data(), bytes.size());
  bytes[0] = static_cast<uint8_t>((bytes[0] & 0x7f) | 0x40);
  bssl::UniquePtr<BIGNUM> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool AddBasicConstraints(X509* certificate, bool is_ca) {
  bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  if (constraints == nullptr) return false;
  constraints->ca = is_ca ? 0xff : 0;
  if (is_ca) {
    // It signs holders only, no further CAs.
    constraints->pathlen = ASN1_INTEGER_new();
    if (constraints->pathlen == nullptr || ASN1_INTEGER_set(constraints->pathlen, 0) != 1) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints.get(), 1, 0) == 1;
}

// The bits are those of RFC 5280, section 4.2.1.3.
bool AddKeyUsage(X509* certificate, std::initializer_list<int> bits) {
  bssl::UniquePtr<ASN1_BIT_STRING> usage(ASN1_BIT_STRING_new());
  if (usage == nullptr) return false;
  for (const int bit : bits) {
    if (ASN1_BIT_STRING_set_bit(usage.get(), bit, 1) != 1) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_key_usage, usage.get(), 1, 0) == 1;
}

// Servers are also clients: of the server above them. Nobody else may be taken for a server.
bool AddExtendedKeyUsage(X509* certificate, bool is_server) {
  bssl::UniquePtr<EXTENDED_KEY_USAGE> usage(sk_ASN1_OBJECT_new_null());
  if (usage == nullptr) return false;
  // The objects are constants of the library; the stack does not own them.
  const bool added = (!is_server || sk_ASN1_OBJECT_push(usage.get(), OBJ_nid2obj(NID_server_auth)) > 0) &&
                     sk_ASN1_OBJECT_push(usage.get(), OBJ_nid2obj(NID_client_auth)) > 0;
  return added && X509_add1_ext_i2d(certificate, NID_ext_key_usage, usage.get(), 0, 0) == 1;
}

// Hash of the key: how a verifier finds the CA that signed a certificate.
bool KeyHash(EVP_PKEY* key, ASN1_OCTET_STRING* out) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> hash{};
  const std::string der = ToDer<EVP_PKEY>([](EVP_PKEY* k, uint8_t** p) { return i2d_PUBKEY(k, p); }, key);
  if (der.empty()) return false;
  SHA256(Bytes(der), der.size(), hash.data());
  return ASN1_OCTET_STRING_set(out, hash.data(), 20) == 1;
}

bool AddKeyIds(X509* certificate, EVP_PKEY* subject, EVP_PKEY* issuer) {
  bssl::UniquePtr<ASN1_OCTET_STRING> own(ASN1_OCTET_STRING_new());
  bssl::UniquePtr<AUTHORITY_KEYID> authority(AUTHORITY_KEYID_new());
  if (own == nullptr || authority == nullptr || !KeyHash(subject, own.get())) return false;
  authority->keyid = ASN1_OCTET_STRING_new();
  if (authority->keyid == nullptr || !KeyHash(issuer, authority->keyid)) return false;
  return X509_add1_ext_i2d(certificate, NID_subject_key_identifier, own.get(), 0, 0) == 1 &&
         X509_add1_ext_i2d(certificate, NID_authority_key_identifier, authority.get(), 0, 0) == 1;
}

// Takes the value over, whatever comes of it.
bool PushName(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  if (value == nullptr) return false;
  GENERAL_NAME* name = GENERAL_NAME_new();
  if (name == nullptr) {
    ASN1_STRING_free(value);
    return false;
  }
  GENERAL_NAME_set0_value(name, type, value);
  if (sk_GENERAL_NAME_push(names, name) > 0) return true;
  GENERAL_NAME_free(name);
  return false;
}

bool AddAlternativeNames(X509* certificate, const std::vector<std::string>& dns_names,
                         const std::vector<std::string>& ip_addresses) {
  if (dns_names.empty() && ip_addresses.empty()) return true;
  bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  if (names == nullptr) return false;
  for (const std::string& dns : dns_names) {
    if (dns.empty() || !std::all_of(dns.begin(), dns.end(), [](char c) { return c > ' ' && c < 0x7f; })) return false;
    bssl::UniquePtr<ASN1_STRING> value(ASN1_IA5STRING_new());
    if (value == nullptr || ASN1_STRING_set(value.get(), dns.data(), static_cast<int>(dns.size())) != 1) return false;
    if (!PushName(names.get(), GEN_DNS, value.release())) return false;
  }
  for (const std::string& ip : ip_addresses) {
    // Nothing when the text is no address, of either family.
    if (!PushName(names.get(), GEN_IPADD, a2i_IPADDRESS(ip.c_str()))) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

// What every certificate of ours has; the subject and the rest of the extensions are the caller's.
bssl::UniquePtr<X509> NewCertificate(EVP_PKEY* key, int64_t not_before, int64_t not_after) {
  bssl::UniquePtr<X509> certificate(X509_new());
  if (certificate == nullptr || not_before > not_after || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !SetRandomSerial(certificate.get()) || !SetTime(X509_getm_notBefore(certificate.get()), not_before) ||
      !SetTime(X509_getm_notAfter(certificate.get()), not_after) || X509_set_pubkey(certificate.get(), key) != 1) {
    return nullptr;
  }
  return certificate;
}

std::string SignedDer(X509* certificate, EVP_PKEY* key) {
  if (X509_sign(certificate, key, EVP_sha256()) <= 0) return {};
  return ToDer<X509>([](X509* c, uint8_t** p) { return i2d_X509(c, p); }, certificate);
}

// Leaves the thread's error queue empty: a failed call here must not show up elsewhere.
struct ErrorQueueCleaner {
  ~ErrorQueueCleaner() { ERR_clear_error(); }
};

}  // namespace

std::string GeneratePrivateKeyPem() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  Require(ec != nullptr && key != nullptr && bio != nullptr && EC_KEY_generate_key(ec.get()) == 1 &&
              EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1 &&
              PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "a P-256 key can be made");
  return BioContent(bio.get());
}

std::string CreateCaPem(std::string_view key_pem, std::string_view common_name, int64_t not_before, int64_t not_after) {
  const ErrorQueueCleaner cleaner;
  const auto key = ReadPrivateKey(key_pem);
  if (key == nullptr) return {};
  const auto certificate = NewCertificate(key.get(), not_before, not_after);
  constexpr int kKeyCertSign = 5;
  constexpr int kCrlSign = 6;
  if (certificate == nullptr || !AddToName(X509_get_subject_name(certificate.get()), NID_commonName, common_name) ||
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) != 1 ||
      !AddBasicConstraints(certificate.get(), true) || !AddKeyUsage(certificate.get(), {kKeyCertSign, kCrlSign}) ||
      !AddKeyIds(certificate.get(), key.get(), key.get())) {
    return {};
  }
  const std::string der = SignedDer(certificate.get(), key.get());
  return der.empty() ? std::string() : DerToPem(der);
}

std::string CreateRequestDer(std::string_view key_pem, std::string_view common_name) {
  const ErrorQueueCleaner cleaner;
  const auto key = ReadPrivateKey(key_pem);
  bssl::UniquePtr<X509_REQ> request(X509_REQ_new());
  if (key == nullptr || request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      !AddToName(X509_REQ_get_subject_name(request.get()), NID_commonName, common_name) ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return {};
  }
  return ToDer<X509_REQ>([](X509_REQ* r, uint8_t** p) { return i2d_X509_REQ(r, p); }, request.get());
}

std::optional<std::string> RequestPublicKey(std::string_view request_der) {
  const ErrorQueueCleaner cleaner;
  const auto key = KeyOfRequest(request_der);
  if (key == nullptr) return std::nullopt;
  std::string der = ToDer<EVP_PKEY>([](EVP_PKEY* k, uint8_t** p) { return i2d_PUBKEY(k, p); }, key.get());
  if (der.empty()) return std::nullopt;
  return der;
}

std::optional<std::string> IssueDer(std::string_view ca_pem, std::string_view ca_key_pem, std::string_view request_der,
                                    const CertificateInfo& info, const std::vector<std::string>& dns_names,
                                    const std::vector<std::string>& ip_addresses) {
  const ErrorQueueCleaner cleaner;
  const auto ca = ReadX509(ca_pem);
  const auto ca_key = ReadPrivateKey(ca_key_pem);
  const auto key = KeyOfRequest(request_der);
  if (ca == nullptr || ca_key == nullptr || key == nullptr || X509_check_private_key(ca.get(), ca_key.get()) != 1) {
    return std::nullopt;
  }
  const auto certificate = NewCertificate(key.get(), info.not_before, info.not_after);
  if (certificate == nullptr) return std::nullopt;
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  constexpr int kDigitalSignature = 0;
  if (!AddToName(subject, NID_commonName, info.common_name) ||
      (!info.role.empty() && !AddToName(subject, NID_organizationalUnitName, info.role)) ||
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca.get())) != 1 ||
      !AddBasicConstraints(certificate.get(), false) || !AddKeyUsage(certificate.get(), {kDigitalSignature}) ||
      !AddExtendedKeyUsage(certificate.get(), info.role == "server" || info.role == "relay") ||
      !AddKeyIds(certificate.get(), key.get(), ca_key.get()) ||
      !AddAlternativeNames(certificate.get(), dns_names, ip_addresses)) {
    return std::nullopt;
  }
  std::string der = SignedDer(certificate.get(), ca_key.get());
  if (der.empty()) return std::nullopt;
  return der;
}

std::string SignEcdsa(std::string_view key_pem, std::string_view message) {
  const ErrorQueueCleaner cleaner;
  const auto key = ReadPrivateKey(key_pem);
  if (key == nullptr) return "";
  bssl::ScopedEVP_MD_CTX context;
  std::string signature(static_cast<size_t>(EVP_PKEY_size(key.get())), '\0');
  size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size, Bytes(message),
                     message.size()) != 1) {
    return "";
  }
  signature.resize(size);
  return signature;
}

bool VerifyEcdsa(std::string_view certificate, std::string_view message, std::string_view signature) {
  const ErrorQueueCleaner cleaner;
  const auto x509 = ReadX509(certificate);
  if (x509 == nullptr) return false;
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(x509.get()));
  if (key == nullptr || !IsP256(key.get())) return false;
  bssl::ScopedEVP_MD_CTX context;
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message), message.size()) == 1;
}

std::optional<CertificateInfo> ReadCertificate(std::string_view pem_or_der) {
  const ErrorQueueCleaner cleaner;
  const auto certificate = ReadX509(pem_or_der);
  if (certificate == nullptr) return std::nullopt;
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  auto common_name = FromName(subject, NID_commonName);
  auto role = FromName(subject, NID_organizationalUnitName);
  const auto not_before = ToSeconds(X509_get0_notBefore(certificate.get()));
  const auto not_after = ToSeconds(X509_get0_notAfter(certificate.get()));
  if (!common_name || !role || !not_before || !not_after) return std::nullopt;
  return CertificateInfo{std::move(*common_name), std::move(*role), *not_before, *not_after};
}

std::optional<std::string> PemToDer(std::string_view pem) {
  const ErrorQueueCleaner cleaner;
  if (pem.size() > kMaxInputSize) return std::nullopt;
  const auto bio = ReadBio(pem);
  char* name = nullptr;
  char* header = nullptr;
  uint8_t* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) return std::nullopt;
  const bssl::UniquePtr<char> name_owner(name);
  const bssl::UniquePtr<char> header_owner(header);
  const bssl::UniquePtr<uint8_t> data_owner(data);
  return std::string(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
}

std::string DerToPem(std::string_view der) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr && PEM_write_bio(bio.get(), "CERTIFICATE", "", Bytes(der), static_cast<long>(der.size())) > 0,
          "PEM can be written to memory");
  return BioContent(bio.get());
}

}  // namespace replicast::crypto
