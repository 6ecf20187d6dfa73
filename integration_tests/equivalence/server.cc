#include "integration_tests/equivalence/server.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast::equivalence {
namespace {

constexpr int kMostRounds = 10'000;

absl::Status NoEnd(const char* what) { return absl::InternalError(std::string("the server ") + what + " without end"); }

}  // namespace

Server::Server(std::string folder, std::string master, const Script& script, Clock& clock, Random& random,
               OnPart on_part)
    : folder_(std::move(folder)),
      clock_(clock),
      random_(random),
      on_part_(std::move(on_part)),
      id_(random.Identifier<ServerId>()) {
  source_options_.path = std::move(master);
  source_options_.outbox_capacity = script.outbox_capacity;
  options_.unit_store_bytes = script.unit_store_bytes;
  options_.durable = false;
}

Server::~Server() { Stop(); }

absl::Status Server::Start() {
  ASSIGN_OR_RETURN(state_, sqlite::Database::Open(folder_ + "/state.db", {.create = true}));
  RETURN_IF_ERROR(state_->Execute("PRAGMA journal_mode=WAL"));
  ASSIGN_OR_RETURN(source_, capture::SqliteSource::Open(source_options_, clock_));
  ASSIGN_OR_RETURN(publisher_, Publisher::Start(*state_, *source_, signer_, clock_, random_, *this, options_));
  return absl::OkStatus();
}

void Server::Stop() {
  publisher_.reset();
  source_.reset();
  state_.reset();
}

absl::Status Server::Drain() {
  for (int round = 0; round < kMostRounds; ++round) {
    ASSIGN_OR_RETURN(const Publisher::DrainResult result, publisher_->Drain());
    if (result == Publisher::DrainResult::kUnavailable)
      return absl::InternalError("the server can't read the master: " + publisher_->source_problem());
    if (result != Publisher::DrainResult::kMore) return absl::OkStatus();
  }
  return NoEnd("drains");
}

absl::Status Server::Scrub() {
  publisher_->ScrubNow();
  const uint64_t passes = publisher_->scrub_report().passes;
  for (int round = 0; round < kMostRounds; ++round) {
    if (publisher_->scrub_report().passes != passes) return absl::OkStatus();
    RETURN_IF_ERROR(publisher_->ScrubStep().status());
  }
  return NoEnd("scrubs");
}

absl::Status Server::Build() {
  for (int round = 0; round < kMostRounds; ++round) {
    ASSIGN_OR_RETURN(const bool more, publisher_->BuildStep());
    if (!more) return absl::OkStatus();
  }
  return NoEnd("builds");
}

}  // namespace replicast::equivalence
