#ifndef REPLICAST_SERVER_MEMBERSHIP_CERTIFICATE_AUTHORITY_H_
#define REPLICAST_SERVER_MEMBERSHIP_CERTIFICATE_AUTHORITY_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace replicast {

// The server's private CA: names its members, and itself. No state of its own; any thread.
class CertificateAuthority {
 public:
  static CertificateAuthority Generate(absl::Time now);
  CertificateAuthority(std::string ca_pem, std::string key_pem)
      : ca_pem_(std::move(ca_pem)), key_pem_(std::move(key_pem)) {}

  const std::string& ca_pem() const { return ca_pem_; }
  const std::string& key_pem() const { return key_pem_; }

  // A certificate (DER) for the request's key. INVALID_ARGUMENT (REQUEST_INVALID) when the request does not prove that
  // its sender has the key.
  absl::StatusOr<std::string> Issue(std::string_view request_der, const std::string& common_name,
                                    const std::string& role, absl::Time now, absl::Duration lifetime,
                                    const std::vector<std::string>& dns_names = {},
                                    const std::vector<std::string>& ip_addresses = {}) const;

 private:
  std::string ca_pem_, key_pem_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_CERTIFICATE_AUTHORITY_H_
