#include "common/rpc/peer.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <optional>
#include <string_view>
#include <vector>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/crypto/certificates.h"

namespace replicast::rpc {

absl::StatusOr<Peer> PeerOf(const grpc::ServerContextBase& context) {
  const auto authentication = context.auth_context();
  const std::vector<grpc::string_ref> certificates =
      authentication ? authentication->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME)
                     : std::vector<grpc::string_ref>();
  if (certificates.size() != 1) {
    return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_REQUIRED",
                 "this needs a member's certificate: enrol with a join token first");
  }
  const auto info = crypto::ReadCertificate(std::string_view(certificates[0].data(), certificates[0].size()));
  const std::optional<std::string> raw = info ? HexDecode(info->common_name) : std::nullopt;
  const std::optional<MemberId> id = raw ? MemberId::FromBytes(*raw) : std::nullopt;
  if (!id || (info->role != kMemberRole && info->role != kRelayRole && info->role != kAdminRole)) {
    return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_INVALID",
                 "the certificate names no member: enrol with a join token");
  }
  return Peer{*id, info->role};
}

std::string AddressOf(const grpc::ServerContextBase& context) {
  // "ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711"
  const std::string peer = context.peer();
  const size_t begin = peer.find(':'), end = peer.rfind(':');
  if (begin == std::string::npos || end <= begin) return peer;
  return peer.substr(begin + 1, end - begin - 1);
}

}  // namespace replicast::rpc
