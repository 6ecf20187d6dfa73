#ifndef REPLICAST_COMMON_CRYPTO_CERTIFICATES_H_
#define REPLICAST_COMMON_CRYPTO_CERTIFICATES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/crypto.h"

// X.509 certificates with ECDSA P-256 keys: the server's private CA, its own certificate, its members'.
namespace replicast::crypto {

// Every server's certificate carries this DNS name, and clients ask for it whatever address they connect to: what they
// trust is the one private CA.
inline constexpr char kServerName[] = "replicast";

// What a certificate says of its holder. The id is the subject's common name (hex), the role its organizational unit.
struct REPLICAST_CRYPTO_EXPORT CertificateInfo {
  std::string common_name;
  std::string role;        // "server", "relay", "admin" or "member"; empty in a CA
  int64_t not_before = 0;  // seconds since the Unix epoch
  int64_t not_after = 0;
};

// P-256 private key, PEM (PKCS #8).
REPLICAST_CRYPTO_EXPORT std::string GeneratePrivateKeyPem();
// Self-signed CA, PEM; empty on a bad key.
REPLICAST_CRYPTO_EXPORT std::string CreateCaPem(std::string_view key_pem, std::string_view common_name,
                                                int64_t not_before, int64_t not_after);
// PKCS #10 request, DER. Proves possession of the key.
REPLICAST_CRYPTO_EXPORT std::string CreateRequestDer(std::string_view key_pem, std::string_view common_name);
// The SubjectPublicKeyInfo (DER) of a request whose own signature is right; nothing otherwise.
REPLICAST_CRYPTO_EXPORT std::optional<std::string> RequestPublicKey(std::string_view request_der);
// A certificate (DER) for the request's key with the given subject; `dns_names` and `ip_addresses` (text) as subject
// alternative names. The roles "server" and "relay" may serve TLS (and be a client); the others are clients. Nothing
// when the request's signature is wrong, its key is not P-256, or a name or time can't be.
REPLICAST_CRYPTO_EXPORT std::optional<std::string> IssueDer(std::string_view ca_pem, std::string_view ca_key_pem,
                                                            std::string_view request_der, const CertificateInfo& info,
                                                            const std::vector<std::string>& dns_names,
                                                            const std::vector<std::string>& ip_addresses);
// ECDSA over SHA-256 (FIPS 186-5; the signature as a DER Ecdsa-Sig-Value); empty on a bad key.
REPLICAST_CRYPTO_EXPORT std::string SignEcdsa(std::string_view key_pem, std::string_view message);
// By the key of this certificate (PEM or DER).
REPLICAST_CRYPTO_EXPORT bool VerifyEcdsa(std::string_view certificate, std::string_view message,
                                         std::string_view signature);
REPLICAST_CRYPTO_EXPORT std::optional<CertificateInfo> ReadCertificate(std::string_view pem_or_der);
REPLICAST_CRYPTO_EXPORT std::optional<std::string> PemToDer(std::string_view pem);
REPLICAST_CRYPTO_EXPORT std::string DerToPem(std::string_view der);  // as CERTIFICATE

}  // namespace replicast::crypto

#endif  // REPLICAST_COMMON_CRYPTO_CERTIFICATES_H_
