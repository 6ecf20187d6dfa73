#include "client/control/member_credential.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/crypto/certificates.h"
#include "common/rpc/files.h"

namespace replicast {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kX25519File[] = "x25519.key";
constexpr char kNextKeyFile[] = "next-key.pem";
constexpr char kNextX25519File[] = "next-x25519.key";
constexpr char kReplicaFile[] = "replica.json";
constexpr size_t kX25519KeySize = 32;

absl::Status Unusable(const std::string& folder, const std::string& what) {
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_CREDENTIAL_INVALID",
               "the credential in " + folder + " can't be used (" + what +
                   "): remove that folder and join again with a new token");
}

absl::StatusOr<Json> LoadJson(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string text, rpc::ReadFile(rpc::JoinPath(folder, kReplicaFile)));
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Unusable(folder, std::string(kReplicaFile) + " is no JSON object");
  return json;
}

std::string TextOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

absl::StatusOr<crypto::KeyPair> LoadX25519(const std::string& folder, const char* name) {
  ASSIGN_OR_RETURN(const std::string bytes, rpc::ReadFile(rpc::JoinPath(folder, name)));
  if (bytes.size() != 2 * kX25519KeySize) return Unusable(folder, std::string(name) + " has the wrong size");
  return crypto::KeyPair{.public_key = bytes.substr(0, kX25519KeySize), .private_key = bytes.substr(kX25519KeySize)};
}

}  // namespace

std::string CredentialFolder(const std::string& database_path) { return database_path + "-replicast"; }

absl::Status ReadFromCertificate(MemberCredential* credential) {
  const auto info = crypto::ReadCertificate(credential->rpc.certificate_pem);
  const auto id = info ? HexDecode(info->common_name) : std::nullopt;
  const auto member = id ? MemberId::FromBytes(*id) : std::nullopt;
  if (!member)
    return Error(absl::StatusCode::kFailedPrecondition, "CREDENTIAL_INVALID", "the certificate names no member");
  credential->member = *member;
  credential->not_before = absl::FromUnixSeconds(info->not_before);
  credential->not_after = absl::FromUnixSeconds(info->not_after);
  return absl::OkStatus();
}

v1::Transport TransportNamed(const std::string& name) {
  if (name == "multicast") return v1::TRANSPORT_MULTICAST;
  return name == "unicast" ? v1::TRANSPORT_UNICAST : v1::TRANSPORT_UNSPECIFIED;
}

absl::StatusOr<std::optional<MemberCredential>> LoadMemberCredential(const std::string& folder) {
  // cert.pem is the last to be written.
  if (!rpc::Exists(rpc::JoinPath(folder, rpc::kCertificateFile))) return std::optional<MemberCredential>();
  MemberCredential credential;
  ASSIGN_OR_RETURN(credential.rpc, rpc::LoadCredentials(folder));
  ASSIGN_OR_RETURN(credential.x25519, LoadX25519(folder, kX25519File));
  ASSIGN_OR_RETURN(const Json json, LoadJson(folder));
  const auto server = HexDecode(TextOf(json, "server_id"));
  const auto id = server ? ServerId::FromBytes(*server) : std::nullopt;
  if (!id) return Unusable(folder, "no server_id in " + std::string(kReplicaFile));
  credential.server = *id;
  credential.token_id = HexDecode(TextOf(json, "token_id")).value_or("");
  const absl::Status read = ReadFromCertificate(&credential);
  if (!read.ok()) return Unusable(folder, std::string(read.message()));
  return std::optional<MemberCredential>(std::move(credential));
}

absl::StatusOr<ReplicaSettings> LoadReplicaSettings(const std::string& folder) {
  ReplicaSettings settings;
  // cert.pem is the last to be written.
  if (!rpc::Exists(rpc::JoinPath(folder, rpc::kCertificateFile))) return settings;
  ASSIGN_OR_RETURN(const Json json, LoadJson(folder));
  settings.dataset = TextOf(json, "dataset");
  settings.interface = TextOf(json, "interface");
  const auto number = [&json](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
  };
  const auto texts = [&json](const char* name) {
    std::vector<std::string> all;
    const auto found = json.find(name);
    if (found == json.end() || !found->is_array()) return all;
    for (const Json& each : *found) {
      if (each.is_string()) all.push_back(each.get<std::string>());
    }
    return all;
  };
  settings.max_rate_bytes_per_second = number("max_rate_bytes_per_second");
  settings.rate_cap_bytes_per_second = number("rate_cap_bytes_per_second");
  settings.server_remembers = TextOf(json, "memory") == "server";
  settings.servers = texts("servers");
  settings.schedule = texts("schedule");
  settings.narrowing = HexDecode(TextOf(json, "narrowing")).value_or("");
  settings.transport = TextOf(json, "transport");
  return settings;
}

absl::Status SaveMember(const std::string& folder, const MemberCredential& credential,
                        const ReplicaSettings& settings) {
  RETURN_IF_ERROR(rpc::MakePrivateFolder(folder));
  const auto path = [&folder](const char* name) { return rpc::JoinPath(folder, name); };
  // Another member's certificate must never stand beside these keys.
  const absl::StatusOr<std::string> key_before = rpc::ReadFile(path(rpc::kKeyFile));
  if (!key_before.ok() || *key_before != credential.rpc.key_pem) std::remove(path(rpc::kCertificateFile).c_str());
  const Json json = {{"server_id", credential.server.ToHex()},
                     {"token_id", HexEncode(credential.token_id)},
                     {"dataset", settings.dataset},
                     {"interface", settings.interface},
                     {"servers", settings.servers},
                     {"narrowing", HexEncode(settings.narrowing)},
                     {"transport", settings.transport},
                     {"max_rate_bytes_per_second", settings.max_rate_bytes_per_second},
                     {"memory", settings.server_remembers ? "server" : "client"},
                     {"schedule", settings.schedule},
                     {"rate_cap_bytes_per_second", settings.rate_cap_bytes_per_second}};
  RETURN_IF_ERROR(rpc::WriteSecretFile(path(kReplicaFile), json.dump(2) + "\n"));
  RETURN_IF_ERROR(
      rpc::WriteSecretFile(path(kX25519File), credential.x25519.public_key + credential.x25519.private_key));
  RETURN_IF_ERROR(rpc::WriteSecretFile(path(rpc::kCaFile), credential.rpc.ca_pem));
  RETURN_IF_ERROR(rpc::WriteSecretFile(path(rpc::kKeyFile), credential.rpc.key_pem));
  RETURN_IF_ERROR(rpc::WriteSecretFile(path(rpc::kAddressFile), credential.rpc.address + "\n"));
  RETURN_IF_ERROR(rpc::WriteSecretFile(path(rpc::kCertificateFile), credential.rpc.certificate_pem));
  std::remove(path(kNextKeyFile).c_str());
  std::remove(path(kNextX25519File).c_str());
  return absl::OkStatus();
}

absl::StatusOr<MemberKeys> KeysForEnrolment(const std::string& folder) {
  RETURN_IF_ERROR(rpc::MakePrivateFolder(folder));
  const std::string key_path = rpc::JoinPath(folder, kNextKeyFile),
                    x25519_path = rpc::JoinPath(folder, kNextX25519File);
  MemberKeys keys;
  if (rpc::Exists(key_path) && rpc::Exists(x25519_path)) {
    ASSIGN_OR_RETURN(keys.key_pem, rpc::ReadFile(key_path));
    ASSIGN_OR_RETURN(keys.x25519, LoadX25519(folder, kNextX25519File));
    return keys;
  }
  keys.key_pem = crypto::GeneratePrivateKeyPem();
  keys.x25519 = crypto::GenerateX25519();
  RETURN_IF_ERROR(rpc::WriteSecretFile(key_path, keys.key_pem));
  RETURN_IF_ERROR(rpc::WriteSecretFile(x25519_path, keys.x25519.public_key + keys.x25519.private_key));
  return keys;
}

}  // namespace replicast
