#include "server/membership/certificate_authority.h"

#include "common/base/errors.h"
#include "common/crypto/certificates.h"

namespace replicast {
namespace {

constexpr absl::Duration kLifetime = absl::Hours(24 * 365 * 20);
// Members' clocks may be behind ours.
constexpr absl::Duration kClockSkew = absl::Hours(1);

}  // namespace

CertificateAuthority CertificateAuthority::Generate(absl::Time now) {
  std::string key = crypto::GeneratePrivateKeyPem();
  std::string ca = crypto::CreateCaPem(key, "replicast CA", absl::ToUnixSeconds(now - kClockSkew),
                                       absl::ToUnixSeconds(now + kLifetime));
  REPLICAST_CHECK(!ca.empty());
  return {std::move(ca), std::move(key)};
}

absl::StatusOr<std::string> CertificateAuthority::Issue(std::string_view request_der, const std::string& common_name,
                                                        const std::string& role, absl::Time now,
                                                        absl::Duration lifetime,
                                                        const std::vector<std::string>& dns_names,
                                                        const std::vector<std::string>& ip_addresses) const {
  crypto::CertificateInfo info;
  info.common_name = common_name;
  info.role = role;
  info.not_before = absl::ToUnixSeconds(now - kClockSkew);
  info.not_after = absl::ToUnixSeconds(now + lifetime);
  auto der = crypto::IssueDer(ca_pem_, key_pem_, request_der, info, dns_names, ip_addresses);
  if (der) return *std::move(der);
  return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID",
               "the certificate request is not a PKCS #10 request (DER) for an ECDSA P-256 key, signed with that key");
}

}  // namespace replicast
