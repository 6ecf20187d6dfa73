#ifndef REPLICAST_SERVER_PUBLISH_DRAIN_H_
#define REPLICAST_SERVER_PUBLISH_DRAIN_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/publish/full_comparison.h"
#include "server/publish/publisher_core.h"

namespace replicast::publish {

using DrainResult = Publisher::DrainResult;

// From one read transaction of the source to published units. A schema that isn't as captured and lost entries, of
// whatever cause, are made up for by a full comparison.
class Drain {
 public:
  explicit Drain(Core& core) : core_(core) {}

  // Reads and publishes. kUnavailable is an answer, not an error: core.source_problem tells.
  absl::StatusOr<DrainResult> Run();
  // The same, for who wants to read on at the boundary that is published then. UNAVAILABLE (SOURCE_UNAVAILABLE), or
  // (COMPARING) while all rows are compared.
  absl::StatusOr<std::unique_ptr<Reading>> RunAndRead();
  // The same, on a connection of its own.
  absl::StatusOr<std::unique_ptr<Reading>> RunAndReadDetached();

  // See Publisher::comparison.
  std::string comparison() const;
  // The schema under which streams are known to be what their definitions mean; -1: none yet.
  int64_t schema() const { return seen_schema_; }
  // Streams came or went under a comparison: it begins again. False: none was going on.
  bool AbandonComparison();

 private:
  struct Drained {
    DrainResult result = DrainResult::kIdle;
    std::unique_ptr<Reading> reading;  // none: unavailable, or a comparison is going on
  };
  absl::StatusOr<Drained> Once(bool detached);
  absl::StatusOr<std::unique_ptr<Reading>> ReadingOf(absl::StatusOr<Drained> drained);
  absl::StatusOr<DrainResult> Take(std::unique_ptr<Reading>* reading);
  store::ComparisonCause CauseIn(const Reading& reading) const;
  // Whoever changed the schema has been still for a while (Publisher::Options::settle).
  bool IsSettled(const Reading& reading);
  absl::StatusOr<DrainResult> Publish(Reading& reading, const SchemaPlan& plan);
  absl::StatusOr<DrainResult> BeginComparison(store::ComparisonCause cause);
  absl::StatusOr<DrainResult> AdvanceComparison(Reading& reading);

  Core& core_;
  std::unique_ptr<FullComparison> comparison_;
  struct Unsettled {
    std::pair<int64_t, uint64_t> seen;  // the schema's cookie, and the outbox's newest number
    absl::Time since, first;
  };
  std::optional<Unsettled> unsettled_;  // the schema is not as it was captured
  int64_t seen_schema_ = -1;            // for which streams are known to be what their definitions mean
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_DRAIN_H_
