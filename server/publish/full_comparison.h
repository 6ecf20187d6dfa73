#ifndef REPLICAST_SERVER_PUBLISH_FULL_COMPARISON_H_
#define REPLICAST_SERVER_PUBLISH_FULL_COMPARISON_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/publish/carry_over.h"
#include "server/publish/publisher_core.h"
#include "server/publish/schema_plan.h"

namespace replicast::publish {

// What follows an overflow of the outbox, a broken past, hooks or tables that are not as they were left: entries may be
// lost, so all rows (of changed schemas alone: of those tables) are compared with the row index, range by range in
// short readings. Nothing is published meanwhile; only differing keys are kept (on disk), with those noted since. Then
// all of them are looked up in one reading and published as one unit a stream at its boundary, with what became of the
// schema: range by range, replicas would show half transactions. It renews the hooks first, watches the outbox's end by
// itself, and has to begin again when that or the schema breaks. That one is owed is in the state database before a
// hook is renewed, so a crash can't hide it.
class FullComparison {
 public:
  // Takes note that a comparison is owed for this cause, unless a graver one is noted already.
  static absl::Status Owe(Core& core, store::ComparisonCause cause);
  // Describes the relations anew, renews the hooks. Failing leaves it owed.
  static absl::StatusOr<std::unique_ptr<FullComparison>> Begin(Core& core);

  // The end of the outbox up to which entries were taken: the next reading is to be made from here.
  const Tail& tail() const { return tail_; }
  enum class Step { kMore, kPublished, kBeginAgain };
  absl::StatusOr<Step> Advance(Reading& reading);

  uint64_t rows_compared() const { return rows_; }

 private:
  explicit FullComparison(Core& core) : core_(core) {}
  absl::Status RenewHooks();
  bool of_schema() const { return core_.state.owed == store::ComparisonCause::kSchema; }
  absl::Status MakeRouter();
  // The keys of tables with another number than before that were noted under the old one.
  absl::Status TakeOldEntries(Reading& reading);
  absl::Status Note(const char* sql, const Relation& relation, const Row& key);
  absl::Status TakeNoted(Reading& reading);
  absl::Status CompareNext(Reading& reading);
  absl::Status Publish(Reading& reading);
  CarryOver::Trust TrustIn(const Relation& relation);

  Core& core_;
  SchemaPlan plan_;
  route::Router router_;  // the plan's
  Tail tail_;
  bool nothing_lost_ = false;         // between what was published and the renewed hooks
  std::vector<uint32_t> relations_;   // still to be compared; the last one first
  std::string after_;                 // encoded: how far the last one is compared
  std::unique_ptr<CarryOver> carry_;  // of the last one, where its schema changed
  uint64_t rows_ = 0, differences_ = 0;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_FULL_COMPARISON_H_
