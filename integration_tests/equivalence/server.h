#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SERVER_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SERVER_H_

#include <absl/status/status.h>

#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/crypto/crypto.h"
#include "common/sqlite/database.h"
#include "common/wire/signer.h"
#include "integration_tests/equivalence/script.h"
#include "server/capture/sqlite_source.h"
#include "server/publish/publisher.h"

namespace replicast::equivalence {

// The server's half: a Publisher over a master file, with its state database in a folder, driven step by step in this
// thread. What it would multicast goes to `on_part`.
class Server : private UnitListener {
 public:
  using OnPart = std::function<void(const DefinitionHash& stream, const wire::EncodedPart& part)>;
  Server(std::string folder, std::string master, const Script& script, Clock& clock, Random& random, OnPart on_part);
  ~Server() override;

  absl::Status Start();
  // The process ends; Start goes on with its state.
  void Stop();
  // Publishes what there is; indexes are left as they are.
  absl::Status Drain();
  // One pass over all tables, and what it finds is published.
  absl::Status Scrub();
  // Until nothing is left to do.
  absl::Status Build();

  Publisher& publisher() { return *publisher_; }
  capture::SqliteSource& source() { return *source_; }
  const wire::Verifier& verifier() const { return verifier_; }
  ServerId id() const { return id_; }

 private:
  void OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader&, const wire::EncodedPart& part) override {
    on_part_(stream, part);
  }
  void OnStreamReady(const StreamInfo&) override {}
  void OnStreamStopped(const StreamInfo&) override {}

  const std::string folder_;
  capture::SourceOptions source_options_;
  Publisher::Options options_;
  Clock& clock_;
  Random& random_;
  OnPart on_part_;
  const crypto::KeyPair keys_ = crypto::GenerateEd25519();
  const wire::Signer signer_{keys_.private_key};
  const wire::Verifier verifier_{keys_.public_key};
  const ServerId id_;
  std::unique_ptr<sqlite::Database> state_;
  std::unique_ptr<capture::SqliteSource> source_;
  std::unique_ptr<Publisher> publisher_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SERVER_H_
