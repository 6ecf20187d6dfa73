#ifndef REPLICAST_TOOLS_FUZZERS_CALL_WORLD_H_
#define REPLICAST_TOOLS_FUZZERS_CALL_WORLD_H_

#include <google/protobuf/message.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "common/base/temporary_folder.h"
#include "integration_tests/simulation/simulated_server.h"
#include "server/control/admin_service.h"
#include "server/control/changes_service.h"
#include "server/control/diagnostics_service.h"
#include "server/control/rate_service.h"
#include "server/control/registration_service.h"

namespace replicast::fuzz {

// Who calls. Datasets are "books" (kReader's and kRevoked's) and "secrets" (kOther's).
enum class Caller : uint8_t { kStranger, kReader, kOther, kRevoked, kAdmin, kCount };
inline constexpr std::array<const char*, 2> kDatasets = {"books", "secrets"};
// Stands in every row of "secrets".
inline constexpr char kSecretMark[] = "top-secret-row";

// A server with two datasets and a member of each kind, over a simulated disk in virtual time, with every service that
// replicastd serves. Each one starts from the same disk, so that an input means the same in every run.
class CallWorld {
 public:
  CallWorld();
  ~CallWorld();
  CallWorld(const CallWorld&) = delete;
  CallWorld& operator=(const CallWorld&) = delete;

  struct Services {
    explicit Services(control::ControlPlane& plane)
        : enroll(plane, control::RegistrationService::Port::kEnrolment),
          renew(plane, control::RegistrationService::Port::kMembers),
          authorization(plane),
          key_exchange(plane),
          rate(plane),
          synchronization(plane),
          changes(plane),
          admin(plane),
          diagnostics(plane) {}
    control::RegistrationService enroll, renew;
    control::AuthorizationService authorization;
    control::KeyExchangeService key_exchange;
    control::RateService rate;
    control::SynchronizationService synchronization;
    control::ChangesService changes;
    control::AdminService admin;
    control::DiagnosticsService diagnostics;
  };
  Services& services() { return *services_; }
  simulation::SimulatedServer& server() { return *server_; }

  static const std::string& CertificateOf(Caller caller);  // PEM; "": none
  static const MemberId& IdOf(Caller caller);
  // Replaces placeholders in strings and bytes by what an input can't guess: "@b" and "@s" (definition hashes of books
  // and secrets), "@h" (history), "@r", "@o", "@v", "@a" (member ids), "@i" and "@t" (id and secret of a token that is
  // good for "books"), "@c" (a certificate request), "@x" (a public key); and stream 1 and 2, incarnation 1 and 2.
  void FillIn(google::protobuf::Message* message);

  // What is due now happens.
  void Settle();
  void PassTime(absl::Duration how_long);
  // Somebody commits a row to each dataset.
  void WriteRow();

  // Everything that gives rights: members, tokens, datasets. Renewals of certificates left out.
  std::string Rights();
  // The stream of "secrets", as of now.
  std::string SecretHash() const { return secret_hash_; }

 private:
  struct Template;
  static const Template& TheTemplate();
  void Make(const simulation::SimulatedServer::Identity& identity, uint64_t seed);
  std::string FilledIn(const std::string& text) const;

  const TemporaryFolder scratch_;  // the audit log is a real file
  VirtualTime time_;
  SeededRandom random_{5};
  simulation::Trace trace_{time_, {}};
  simulation::Stopwatch stopwatch_;
  simulation::SimulatedDisk disk_{6};
  simulation::SimulatedNetwork network_{time_, random_, trace_};
  simulation::SimulatedProcess observer_{disk_, "observer", time_.clock, 7};
  std::unique_ptr<simulation::SimulatedServer> server_;
  std::unique_ptr<Services> services_;
  std::string secret_hash_, book_hash_, history_;
  uint32_t streams_[2] = {}, incarnations_[2] = {};
  int64_t rows_ = 100;
  friend struct Template;
  explicit CallWorld(Template* made);
};

}  // namespace replicast::fuzz

#endif  // REPLICAST_TOOLS_FUZZERS_CALL_WORLD_H_
