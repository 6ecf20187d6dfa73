// Feeds what a stranger or a peer brings of X.509: certificates (PEM, DER) and certificate requests; and issues a
// certificate for a good request with arbitrary names.
// Oracle: no certificate without a good request; what is issued reads back as it was asked for.
#include "common/base/errors.h"
#include "common/crypto/certificates.h"
#include "tools/fuzzers/fuzz_input.h"

namespace replicast::fuzz {
namespace {

constexpr int64_t kBegin = 1'700'000'000, kEnd = 1'800'000'000;

struct Authority {
  std::string key = crypto::GeneratePrivateKeyPem();
  std::string certificate = crypto::CreateCaPem(key, "a CA", kBegin, kEnd);
  std::string request = crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "a member");
};
const Authority& TheAuthority() {
  static const Authority authority;
  return authority;
}

void CheckRequest(const std::string& request, const crypto::CertificateInfo& info,
                  const std::vector<std::string>& dns_names, const std::vector<std::string>& addresses) {
  const Authority& ca = TheAuthority();
  const auto issued = crypto::IssueDer(ca.certificate, ca.key, request, info, dns_names, addresses);
  if (!issued) return;
  REPLICAST_CHECK(crypto::RequestPublicKey(request).has_value());
  const auto read = crypto::ReadCertificate(*issued);
  REPLICAST_CHECK(read && read->common_name == info.common_name && read->role == info.role);
  REPLICAST_CHECK(read->not_before == info.not_before && read->not_after == info.not_after);
  const auto pem = crypto::ReadCertificate(crypto::DerToPem(*issued));
  REPLICAST_CHECK(pem && pem->common_name == info.common_name);
}

void CheckCertificate(const std::string& bytes) {
  crypto::ReadCertificate(bytes);
  if (const auto der = crypto::PemToDer(bytes)) crypto::ReadCertificate(*der);
}

}  // namespace

std::vector<std::string> Seeds() {
  const Authority& ca = TheAuthority();
  return {SeedWriter().Byte(0).Rest(ca.certificate).Done(),
          SeedWriter().Byte(0).Rest(*crypto::PemToDer(ca.certificate)).Done(),
          SeedWriter().Byte(1).Rest(ca.request).Done(),
          SeedWriter()
              .Byte(2)
              .Bytes("00ff")
              .Bytes("server")
              .Number(kBegin)
              .Number(kEnd)
              .Bytes("host.example")
              .Bytes("192.0.2.1")
              .Bytes("other")
              .Bytes("::1")
              .Done()};
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace replicast::fuzz;
  FuzzInput input(data, size);
  switch (input.Byte() % 3) {
    case 0:
      CheckCertificate(input.Rest());
      break;
    case 1:
      CheckRequest(input.Rest(), {"0102", "member", kBegin, kEnd}, {}, {});
      break;
    default: {
      replicast::crypto::CertificateInfo info;
      info.common_name = input.Bytes();
      info.role = input.Bytes();
      info.not_before = static_cast<int64_t>(input.Number());
      info.not_after = static_cast<int64_t>(input.Number());
      std::vector<std::string> names, addresses;
      while (!input.empty() && names.size() < 8) {
        names.push_back(input.Bytes());
        addresses.push_back(input.Bytes());
      }
      CheckRequest(TheAuthority().request, info, names, addresses);
    }
  }
  return 0;
}
