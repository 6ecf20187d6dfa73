#include "server/publish/full_comparison.h"

#include <algorithm>
#include <optional>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "server/publish/batch.h"
#include "server/publish/range_comparison.h"

namespace replicast::publish {
namespace {

constexpr uint64_t kRowsAStep = 8192;

const char* Describe(store::ComparisonCause cause) {
  switch (cause) {
    case store::ComparisonCause::kOtherPast:
      return "the master has another past (restored or replaced)";
    case store::ComparisonCause::kOverflow:
      return "the outbox overflowed while nobody read it";
    case store::ComparisonCause::kHooks:
      return "the master's triggers or rowids are not as they were left";
    case store::ComparisonCause::kNone:
      break;
  }
  return "";
}

}  // namespace

absl::Status FullComparison::Owe(Core& core, store::ComparisonCause cause) {
  if (cause <= core.state.owed) return absl::OkStatus();
  return core.SetOwed(cause);
}

absl::StatusOr<std::unique_ptr<FullComparison>> FullComparison::Begin(Core& core) {
  std::unique_ptr<FullComparison> comparison(new FullComparison(core));
  absl::Status renewed = core.DescribeRelations(true);
  if (renewed.ok()) renewed = core.CaptureRelations().status();
  if (!renewed.ok()) return core.SourceFailed(std::move(renewed));
  RETURN_IF_ERROR(core.RestartBuilds());
  RETURN_IF_ERROR(core.RefreshRouter());
  absl::StatusOr<std::unique_ptr<Reading>> reading = core.source.Read(Tail());
  if (!reading.ok()) return core.SourceFailed(reading.status());
  comparison->tail_ = (*reading)->newest();
  for (const auto& [id, relation] : core.relations) {
    if (core.router.Wants(id)) comparison->relations_.push_back(id);
  }
  spdlog::warn("{}: all rows are compared with what was published", Describe(core.state.owed));
  RETURN_IF_ERROR(core.statements.database().Execute(
      "CREATE TABLE IF NOT EXISTS temp.differing(relation INTEGER, key BLOB, PRIMARY KEY(relation, key)) WITHOUT ROWID;"
      "DELETE FROM temp.differing"));
  return comparison;
}

absl::StatusOr<FullComparison::Step> FullComparison::Advance(Reading& reading) {
  if (reading.past() != Past::kSame || !reading.changes().empty()) return Step::kBeginAgain;
  RETURN_IF_ERROR(TakeNoted(reading));
  if (!relations_.empty()) {
    RETURN_IF_ERROR(CompareNext(reading));
    return Step::kMore;
  }
  RETURN_IF_ERROR(Publish(reading));
  return Step::kPublished;
}

absl::Status FullComparison::Note(const Relation& relation, const Row& key) {
  ASSIGN_OR_RETURN(sqlite::Statement * insert,
                   core_.statements.Get("INSERT OR IGNORE INTO temp.differing(relation, key) VALUES(?, ?)"));
  insert->BindInt(1, relation.id).BindBlob(2, EncodeOrderedKey(key, relation.key_collations));
  return insert->Run();
}

absl::Status FullComparison::TakeNoted(Reading& reading) {
  absl::Status noted;
  absl::Status read = reading.ForEachTouched(tail_.number, [&](const Relation& relation, const Row& key, const Row*) {
    noted = Note(relation, key);
    return noted;
  });
  RETURN_IF_ERROR(noted);
  if (!read.ok()) return core_.SourceFailed(std::move(read));
  tail_ = reading.newest();
  return absl::OkStatus();
}

absl::Status FullComparison::CompareNext(Reading& reading) {
  class Visitor : public RangeVisitor {
   public:
    Visitor(FullComparison& comparison, const Relation& relation) : comparison_(comparison), relation_(relation) {}
    absl::StatusOr<bool> OnRow(const Row&, const Row&) override { return ++rows_ < kRowsAStep; }
    absl::Status OnDifference(const Row& key, const Row*) override {
      ++comparison_.differences_;
      return comparison_.Note(relation_, key);
    }
    uint64_t rows() const { return rows_; }

   private:
    FullComparison& comparison_;
    const Relation& relation_;
    uint64_t rows_ = 0;
  };
  const auto relation = core_.relations.find(relations_.back());
  if (relation == core_.relations.end() || !core_.router.Wants(relation->first)) {
    after_.clear();
    relations_.pop_back();
    return absl::OkStatus();
  }
  Visitor visitor(*this, relation->second);
  ASSIGN_OR_RETURN(after_, CompareRange(core_, reading, relation->second, after_, visitor));
  rows_ += visitor.rows();
  if (after_.empty()) relations_.pop_back();
  return absl::OkStatus();
}

absl::Status FullComparison::Publish(Reading& reading) {
  const bool other = core_.state.owed == store::ComparisonCause::kOtherPast;
  const uint64_t number = reading.newest().number;
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, other ? Batch::BeginInNewHistory(core_, number, reading.wall())
                                                       : Batch::Begin(core_, number, reading.wall()));
  ASSIGN_OR_RETURN(sqlite::Statement differing,
                   core_.statements.database().Prepare("SELECT relation, key FROM temp.differing ORDER BY 1, 2"));
  Row row;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, differing.Step());
    if (!more) break;
    const auto relation = core_.relations.find(static_cast<uint32_t>(differing.Int(0)));
    if (relation == core_.relations.end() || !core_.router.Wants(relation->first)) continue;
    const std::optional<Row> key = DecodeOrderedKey(differing.BytesView(1), relation->second.key.size());
    REPLICAST_CHECK(key.has_value());
    absl::StatusOr<bool> there = reading.Find(relation->second, *key, &row);
    if (!there.ok()) return core_.SourceFailed(there.status());
    RETURN_IF_ERROR(batch->Route(relation->second, *key, *there ? &row : nullptr));
  }
  batch->SetTail(reading.newest());
  core_.state.owed = store::ComparisonCause::kNone;
  RETURN_IF_ERROR(batch->Commit());
  spdlog::info("{} rows compared, {} differed; replicas are led on", rows_, differences_);
  return batch->Tell();
}

}  // namespace replicast::publish
