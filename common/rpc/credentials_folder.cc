#include "common/rpc/credentials_folder.h"

#include "common/base/errors.h"
#include "common/rpc/files.h"

namespace replicast::rpc {
namespace {

absl::StatusOr<std::string> Load(const std::string& folder, const char* name) {
  absl::StatusOr<std::string> content = ReadFile(JoinPath(folder, name));
  if (content.ok()) return content;
  return Error(content.status().code(), "MACHINE_CREDENTIALS_MISSING",
               "no credential in " + folder + ": " + std::string(content.status().message()) +
                   "; name the folder that `replicastd init` made with --credentials");
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find_first_of("\r\n")); }

}  // namespace

absl::StatusOr<Credentials> LoadCredentials(const std::string& folder) {
  const std::string admin = JoinPath(folder, kAdminFolder);
  const bool of_server = !Exists(JoinPath(folder, kCertificateFile)) && Exists(JoinPath(admin, kCertificateFile));
  const std::string& chosen = of_server ? admin : folder;
  Credentials credentials;
  ASSIGN_OR_RETURN(credentials.ca_pem, Load(chosen, kCaFile));
  ASSIGN_OR_RETURN(credentials.certificate_pem, Load(chosen, kCertificateFile));
  ASSIGN_OR_RETURN(credentials.key_pem, Load(chosen, kKeyFile));
  ASSIGN_OR_RETURN(const std::string address, Load(chosen, kAddressFile));
  credentials.address = FirstLine(address);
  return credentials;
}

absl::Status SaveCredentials(const std::string& folder, const Credentials& credentials) {
  RETURN_IF_ERROR(MakePrivateFolder(folder));
  RETURN_IF_ERROR(WriteSecretFile(JoinPath(folder, kCaFile), credentials.ca_pem));
  RETURN_IF_ERROR(WriteSecretFile(JoinPath(folder, kCertificateFile), credentials.certificate_pem));
  RETURN_IF_ERROR(WriteSecretFile(JoinPath(folder, kKeyFile), credentials.key_pem));
  return WriteSecretFile(JoinPath(folder, kAddressFile), credentials.address + "\n");
}

}  // namespace replicast::rpc
