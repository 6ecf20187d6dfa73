#ifndef REPLICAST_COMMON_RPC_CREDENTIALS_FOLDER_H_
#define REPLICAST_COMMON_RPC_CREDENTIALS_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

namespace replicast::rpc {

// A credential on disk: what a program needs to speak with a server's member port. Used by the CLI (made by
// `replicastd init` as DIR/admin/) and by a replica (replica.db-replicast/). The folder is 0700, its files 0600:
//   ca.pem    the server's private CA, the only one that is trusted
//   cert.pem  the holder's certificate
//   key.pem   its private key (PKCS #8)
//   address   host:port of the member service, one line
// Other programs may keep more files beside them.
inline constexpr char kCaFile[] = "ca.pem";
inline constexpr char kCertificateFile[] = "cert.pem";
inline constexpr char kKeyFile[] = "key.pem";
inline constexpr char kAddressFile[] = "address";
// A server's folder holds the admin's credential in this folder below it.
inline constexpr char kAdminFolder[] = "admin";

struct Credentials {
  std::string ca_pem;
  std::string certificate_pem;
  std::string key_pem;
  std::string address;
};

// `folder` may also be a server's folder: then its admin/ is read. NOT_FOUND (MACHINE_CREDENTIALS_MISSING) says which
// file.
absl::StatusOr<Credentials> LoadCredentials(const std::string& folder);
// Makes the folder where it is missing and writes all four files.
absl::Status SaveCredentials(const std::string& folder, const Credentials& credentials);

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_CREDENTIALS_FOLDER_H_
