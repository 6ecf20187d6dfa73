#ifndef REPLICAST_CLIENT_CONTROL_MEMBER_CREDENTIAL_H_
#define REPLICAST_CLIENT_CONTROL_MEMBER_CREDENTIAL_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/lsn.h"
#include "common/crypto/crypto.h"
#include "common/rpc/credentials_folder.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// What a replica is to its server, and how it was told to run. On disk beside the database, in `replica.db-replicast/`
// (0700), files 0600:
//   ca.pem, cert.pem, key.pem, address   as every credential (common/rpc/credentials_folder.h)
//   x25519.key    the member's HPKE key: public, then private key, 32 bytes each
//   replica.json  {"server_id": hex, "token_id": hex, "dataset": name, "interface": name,
//                 "servers": [host:port], "max_rate_bytes_per_second": n, "transport": "auto",
//                 "memory": "client" or "server", "schedule": [window], "rate_cap_bytes_per_second": n}
//   lock          held (flock) by the daemon of this database
//   next-key.pem, next-x25519.key
//                 the keys of an enrolment that is not complete: there before the token is used, so that one that broke
//                 off is repeated with the same keys and gets the same answer
// cert.pem is the last to be written: without it the database is not joined.
struct MemberCredential {
  rpc::Credentials rpc;
  crypto::KeyPair x25519;
  ServerId server;
  std::string token_id;  // of the token that it was enrolled with
  // From the certificate.
  MemberId member;
  absl::Time not_before, not_after;  // wall clock
};

// How the daemon was told to run, kept so that later starts need only the database.
struct ReplicaSettings {
  std::string dataset;
  std::string interface;                  // "": the one that leads to the server
  std::vector<std::string> servers = {};  // host:port of each that may be asked; empty: the credential's address alone
  uint64_t max_rate_bytes_per_second = 0;
  std::string narrowing = {};              // a serialized Definition: only so much of the dataset; empty: all of it
  std::string transport = {};              // "auto", "multicast" or "unicast"; "": auto
  bool server_remembers = false;           // where the replica stands
  std::vector<std::string> schedule = {};  // when it takes what comes: "22:00-06:00"; empty: always
  uint64_t rate_cap_bytes_per_second = 0;  // of what it takes itself; 0: no cap
  friend bool operator==(const ReplicaSettings&, const ReplicaSettings&) = default;
};

// "auto", "multicast" or "unicast", as people and settings name it; anything else is auto.
v1::Transport TransportNamed(const std::string& name);

std::string CredentialFolder(const std::string& database_path);

// Nothing: this database was never joined to a server. Errors: the folder is there but can't be used.
absl::StatusOr<std::optional<MemberCredential>> LoadMemberCredential(const std::string& folder);
absl::StatusOr<ReplicaSettings> LoadReplicaSettings(const std::string& folder);
absl::Status SaveMember(const std::string& folder, const MemberCredential& credential, const ReplicaSettings& settings);
// FAILED_PRECONDITION (CREDENTIAL_INVALID) when the certificate can't be read; fills what is read from it.
absl::Status ReadFromCertificate(MemberCredential* credential);

// The keys of an enrolment: those of one that broke off, else new ones; on disk when it returns, until SaveMember.
struct MemberKeys {
  std::string key_pem;
  crypto::KeyPair x25519;
};
absl::StatusOr<MemberKeys> KeysForEnrolment(const std::string& folder);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_CONTROL_MEMBER_CREDENTIAL_H_
