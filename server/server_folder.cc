#include "server/server_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/random.h"
#include "common/crypto/certificates.h"
#include "common/crypto/crypto.h"
#include "common/rpc/channel.h"
#include "common/rpc/files.h"
#include "common/rpc/peer.h"

namespace replicast {
namespace {

constexpr absl::Duration kTlsLifetime = absl::Hours(24 * 365 * 2);
constexpr absl::Duration kTlsRenewBefore = absl::Hours(24 * 120);

constexpr char kServerId[] = "server_id", kLock[] = "lock";
constexpr char kCa[] = "ca/ca.pem", kCaKey[] = "ca/key.pem";
constexpr char kTlsCertificate[] = "server/cert.pem", kTlsKey[] = "server/key.pem";
constexpr char kSigningPrivate[] = "signing/private.key", kSigningPublic[] = "signing/public.key";

absl::StatusOr<std::string> IssueTls(const CertificateAuthority& authority, const std::string& key_pem,
                                     const ServerId& server, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string der,
                   authority.Issue(crypto::CreateRequestDer(key_pem, server.ToHex()), server.ToHex(), rpc::kServerRole,
                                   now, kTlsLifetime, {rpc::kServerName, "localhost"}, {"127.0.0.1", "::1"}));
  return crypto::DerToPem(der);
}

}  // namespace

std::string ServerFolder::File(const char* name) const { return rpc::JoinPath(path_, name); }

ServerFolder::Identity ServerFolder::GenerateIdentity(absl::Time now) {
  SystemRandom random;
  const crypto::KeyPair signing = crypto::GenerateEd25519();
  Identity identity{random.Identifier<ServerId>(),
                    CertificateAuthority::Generate(now),
                    signing.private_key,
                    signing.public_key,
                    "",
                    ""};
  identity.tls_key_pem = crypto::GeneratePrivateKeyPem();
  identity.tls_certificate_pem = IssueTls(identity.authority, identity.tls_key_pem, identity.server, now).value();
  return identity;
}

absl::Status ServerFolder::SaveIdentity(const Identity& identity) const {
  for (const char* folder : {"", "ca", "server", "signing"})
    RETURN_IF_ERROR(rpc::MakePrivateFolder(*folder == 0 ? path_ : File(folder)));
  RETURN_IF_ERROR(rpc::WriteSecretFile(File(kServerId), identity.server.ToHex() + "\n"));
  RETURN_IF_ERROR(rpc::WriteSecretFile(File(kCa), identity.authority.ca_pem()));
  RETURN_IF_ERROR(rpc::WriteSecretFile(File(kCaKey), identity.authority.key_pem()));
  RETURN_IF_ERROR(rpc::WriteSecretFile(File(kTlsCertificate), identity.tls_certificate_pem));
  RETURN_IF_ERROR(rpc::WriteSecretFile(File(kTlsKey), identity.tls_key_pem));
  RETURN_IF_ERROR(rpc::WriteSecretFile(File(kSigningPrivate), identity.signing_private_key));
  return rpc::WriteSecretFile(File(kSigningPublic), identity.signing_public_key);
}

absl::StatusOr<ServerFolder::Identity> ServerFolder::LoadIdentity(absl::Time now) const {
  ASSIGN_OR_RETURN(const std::string id_text, rpc::ReadFile(File(kServerId)));
  const auto id = ServerId::FromBytes(HexDecode(id_text.substr(0, id_text.find('\n'))).value_or(""));
  if (!id) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_FILE",
                 File(kServerId) + " does not hold a server's id: restore it, or run `replicastd init` anew");
  }
  ASSIGN_OR_RETURN(std::string ca, rpc::ReadFile(File(kCa)));
  ASSIGN_OR_RETURN(std::string ca_key, rpc::ReadFile(File(kCaKey)));
  Identity identity{*id, CertificateAuthority(std::move(ca), std::move(ca_key)), "", "", "", ""};
  ASSIGN_OR_RETURN(identity.tls_certificate_pem, rpc::ReadFile(File(kTlsCertificate)));
  ASSIGN_OR_RETURN(identity.tls_key_pem, rpc::ReadFile(File(kTlsKey)));
  ASSIGN_OR_RETURN(identity.signing_private_key, rpc::ReadFile(File(kSigningPrivate)));
  ASSIGN_OR_RETURN(identity.signing_public_key, rpc::ReadFile(File(kSigningPublic)));
  const auto certificate = crypto::ReadCertificate(identity.tls_certificate_pem);
  if (!certificate || identity.signing_private_key.size() != 64 || identity.signing_public_key.size() != 32) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_FILE",
                 "a key or certificate in " + path_ + " is damaged: restore it, or run `replicastd init` anew");
  }
  if (absl::FromUnixSeconds(certificate->not_after) - now < kTlsRenewBefore) {
    ASSIGN_OR_RETURN(identity.tls_certificate_pem, IssueTls(identity.authority, identity.tls_key_pem, *id, now));
    RETURN_IF_ERROR(rpc::WriteSecretFile(File(kTlsCertificate), identity.tls_certificate_pem));
  }
  return identity;
}

absl::StatusOr<std::unique_ptr<ServerFolder::Lock>> ServerFolder::TakeLock() const {
  const int descriptor = open(File(kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_FILE",
                 "can't open " + File(kLock) + ": " + std::strerror(errno));
  }
  auto lock = std::make_unique<Lock>(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  return Error(absl::StatusCode::kFailedPrecondition, "ALREADY_RUNNING",
               "another replicastd runs on " + path_ + ": stop it first, or give this one a folder of its own");
}

ServerFolder::Lock::~Lock() { close(descriptor_); }

}  // namespace replicast
