#include "integration_tests/simulation/simulated_server.h"

#include "common/base/errors.h"
#include "common/wire/signed_statements.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"
#include "server/capture/sqlite_source.h"
#include "server/control/local_authority.h"

namespace replicast::simulation {

struct SimulatedServer::Capture : Origin {
  std::unique_ptr<capture::SqliteSource> source;
};

absl::Status SimulatedServer::Init(bool take_over) {
  ASSIGN_OR_RETURN(const auto master, capture::OpenMasterForWriting(kMaster, process_.vfs()));
  return capture::ClaimMaster(*master, identity_.id, take_over, options_.outbox_capacity);
}

absl::Status SimulatedServer::MakeOrigin(Parts& parts) {
  ASSIGN_OR_RETURN(parts.membership, Membership::Open(*parts.state, identity_.id, Ca(), *parts.audit, clock_, random_));
  capture::SourceOptions options;
  options.path = kMaster;
  options.vfs = process_.vfs();
  options.outbox_capacity = options_.outbox_capacity;
  options.owner = identity_.id;
  auto origin = std::make_unique<Capture>();
  ASSIGN_OR_RETURN(origin->source, capture::SqliteSource::Open(options, clock_));
  parts.origin = std::move(origin);
  return absl::OkStatus();
}

absl::Status SimulatedServer::MakePublisher(Parts& parts) {
  Publisher::Options publishing;
  publishing.unit_store_bytes = options_.unit_store_bytes;
  publishing.server = identity_.id;
  publishing.settle = absl::Milliseconds(50);
  Source& master = *static_cast<Capture&>(*parts.origin).source;
  ASSIGN_OR_RETURN(parts.publisher,
                   Publisher::Start(*parts.state, master, signer_, clock_, random_, *parts.events, publishing));
  parts.authority = std::make_unique<control::LocalAuthority>(control::LocalAuthority::Parts{
      *parts.membership, *parts.publisher, signer_, clock_, identity_.id,
      wire::CertifySigningKey(identity_.id, identity_.signing.public_key, Ca().key_pem()), "", "master"});
  return absl::OkStatus();
}

bool SimulatedServer::MayHaveChanged() { return static_cast<Capture&>(*parts()->origin).source->MayHaveChanged(); }

void SimulatedServer::AfterStep() {
  if (process_.HasLocks(kMaster)) throw Violation("the server holds a lock on the master between its steps");
}

void SimulatedServer::OnMasterWritten() {
  if (!up()) return;
  engine().OnSourceWritten();
  Wake();
}

}  // namespace replicast::simulation
