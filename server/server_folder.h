#ifndef REPLICAST_SERVER_SERVER_FOLDER_H_
#define REPLICAST_SERVER_SERVER_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/base/lsn.h"
#include "server/membership/certificate_authority.h"

namespace replicast {

// What a server keeps in its folder (0700; files with secrets 0600):
//   replicastd.toml     every setting
//   server_id           hex; also stands in the master
//   ca/ca.pem, ca/key.pem            the private CA
//   server/cert.pem, server/key.pem  its own certificate for TLS
//   signing/private.key, public.key  Ed25519 (raw): signs units, chunks, keys
//   admin/              a credential for the CLI (common/rpc/credentials_folder.h)
//   state.db            published rows, units, members
//   audit.log           who was granted what
//   addresses           the ports of the running server, one "name=value" a line
//   lock                held (flock) by the running server
class ServerFolder {
 public:
  explicit ServerFolder(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  std::string File(const char* name) const;

  static constexpr char kConfig[] = "replicastd.toml";
  static constexpr char kState[] = "state.db";
  static constexpr char kAuditLog[] = "audit.log";
  static constexpr char kAddresses[] = "addresses";

  // Everything but configuration, state and admin: made once, by init.
  struct Identity {
    ServerId server;
    CertificateAuthority authority;
    std::string signing_private_key, signing_public_key;
    std::string tls_certificate_pem, tls_key_pem;
  };
  static Identity GenerateIdentity(absl::Time now);
  absl::Status SaveIdentity(const Identity& identity) const;
  // A TLS certificate that ends soon is replaced by a new one here.
  absl::StatusOr<Identity> LoadIdentity(absl::Time now) const;

  // Held until the object goes; FAILED_PRECONDITION (ALREADY_RUNNING).
  class Lock {
   public:
    explicit Lock(int descriptor) : descriptor_(descriptor) {}
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    int descriptor_;
  };
  absl::StatusOr<std::unique_ptr<Lock>> TakeLock() const;

 private:
  std::string path_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SERVER_FOLDER_H_
