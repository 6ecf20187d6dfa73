#include "server/publish/full_comparison.h"

#include <algorithm>
#include <optional>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "server/publish/batch.h"
#include "server/publish/range_comparison.h"
#include "server/publish/resolution.h"
#include "server/route/table_schema.h"

namespace replicast::publish {
namespace {

constexpr uint64_t kRowsAStep = 8192;
constexpr const char* kNoteDiffering = "INSERT OR IGNORE INTO temp.differing(relation, key) VALUES(?, ?)";

const char* Describe(store::ComparisonCause cause) {
  switch (cause) {
    case store::ComparisonCause::kOtherPast:
      return "the master has another past (restored or replaced)";
    case store::ComparisonCause::kOverflow:
      return "the outbox overflowed while nobody read it";
    case store::ComparisonCause::kHooks:
      return "the master's triggers or rowids are not as they were left";
    default:
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
  if (absl::Status renewed = comparison->RenewHooks(); !renewed.ok()) {
    return core.damaged ? renewed : core.SourceFailed(std::move(renewed));
  }
  RETURN_IF_ERROR(core.statements.database().Execute(
      "CREATE TABLE IF NOT EXISTS temp.differing(relation INTEGER, key BLOB, PRIMARY KEY(relation, key)) WITHOUT ROWID;"
      "CREATE TABLE IF NOT EXISTS temp.noted(relation INTEGER, key BLOB, PRIMARY KEY(relation, key)) WITHOUT ROWID;"
      "DELETE FROM temp.differing; DELETE FROM temp.noted"));
  absl::StatusOr<std::unique_ptr<Reading>> reading = core.source.Read(core.state.tail);
  if (!reading.ok()) return core.SourceFailed(reading.status());
  comparison->tail_ = comparison->of_schema() ? core.state.tail : (*reading)->newest();
  RETURN_IF_ERROR(comparison->TakeOldEntries(**reading));
  RETURN_IF_ERROR(comparison->MakeRouter());
  if (comparison->of_schema())
    spdlog::info("the master's schema has changed: {} tables are compared with what was published",
                 comparison->relations_.size());
  else
    spdlog::warn("{}: all rows are compared with what was published", Describe(core.state.owed));
  return comparison;
}

absl::Status FullComparison::RenewHooks() {
  ASSIGN_OR_RETURN(plan_, SchemaPlan::Make(core_));
  RETURN_IF_ERROR(core_.Stop(plan_.ends));
  std::vector<Relation> relations;
  for (const auto& [id, relation] : plan_.relations) relations.push_back(relation);
  ASSIGN_OR_RETURN(const std::vector<Reading::Change> changes, core_.source.Capture(relations));
  if (plan_.KeepsAny(changes)) RETURN_IF_ERROR(Owe(core_, store::ComparisonCause::kHooks));
  // What is being built knows nothing yet: it is built as it is to be.
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
  core_.damaged = true;
  for (auto& [id, stream] : core_.streams) {
    const auto plan = plan_.streams.find(id);
    if (!stream.building() || plan == plan_.streams.end()) continue;
    store::StreamRecord& record = stream.record;
    record.schema = plan->second.change.schema();
    record.tables.assign(plan->second.tables.size(), {});
    record.relations.clear();
    for (const StreamPlan::Table& table : plan->second.tables) record.relations.push_back(table.relation);
    RETURN_IF_ERROR(core_.catalogue.UpdateSchema(record));
  }
  RETURN_IF_ERROR(transaction.Commit());
  for (const auto& [id, relation] : plan_.relations) core_.Describe(relation);
  RETURN_IF_ERROR(core_.RestartBuilds());
  RETURN_IF_ERROR(core_.RefreshRouter());
  core_.damaged = false;
  return absl::OkStatus();
}

absl::Status FullComparison::MakeRouter() {
  std::map<uint32_t, std::vector<route::TableInterest>> interests;
  for (const auto& [id, stream] : core_.streams) {
    if (!stream.ready()) continue;
    const store::StreamRecord& record = stream.record;
    const auto plan = plan_.streams.find(id);
    const v1::DatasetSchema& schema = plan == plan_.streams.end() ? record.schema : plan->second.change.schema();
    for (int i = 0; i < schema.tables_size(); ++i) {
      const auto place = static_cast<size_t>(i);
      const uint32_t number =
          plan == plan_.streams.end() ? record.relations[place] : plan->second.tables[place].relation;
      const Relation& relation = plan_.relations.at(number);
      interests[number].push_back({id, static_cast<uint32_t>(i), route::PublishedColumns(relation, schema.tables(i)),
                                   PartAbout(record.definition, relation.name).filter()});
    }
  }
  for (auto& [number, wanted] : interests) {
    RETURN_IF_ERROR(router_.Add(plan_.relations.at(number), std::move(wanted)));
    // A table's new name is one in the table of sequences, which no hook notes.
    const bool changed =
        plan_.renumbered.count(number) != 0 || plan_.relations.at(number).name == sqlite::kSequenceTable;
    if (!of_schema() || changed) relations_.push_back(number);
  }
  return absl::OkStatus();
}

absl::Status FullComparison::TakeOldEntries(Reading& reading) {
  nothing_lost_ = core_.state.owed <= store::ComparisonCause::kHooks && reading.past() == Past::kSame;
  std::map<uint32_t, size_t> columns;
  std::multimap<uint32_t, uint32_t> renumbered;  // old → new
  for (const auto& [now, before] : plan_.renumbered) {
    if (before == 0 || core_.relations.count(before) == 0) continue;
    if (core_.relations.at(before).key.size() != plan_.relations.at(now).key.size()) continue;  // keys of another kind
    columns[before] = core_.relations.at(before).key.size();
    renumbered.emplace(before, now);
  }
  if (!nothing_lost_ || columns.empty()) return absl::OkStatus();
  absl::Status noted;
  absl::Status read =
      reading.ForEachNoted(core_.state.tail.number, columns, [&](uint32_t before, const Row& key) -> absl::Status {
        for (auto [at, end] = renumbered.equal_range(before); at != end && noted.ok(); ++at)
          noted =
              Note("INSERT OR IGNORE INTO temp.noted(relation, key) VALUES(?, ?)", plan_.relations.at(at->second), key);
        return noted;
      });
  RETURN_IF_ERROR(noted);
  return read.ok() ? read : core_.SourceFailed(std::move(read));
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

absl::Status FullComparison::Note(const char* sql, const Relation& relation, const Row& key) {
  ASSIGN_OR_RETURN(sqlite::Statement * insert, core_.statements.Get(sql));
  insert->BindInt(1, relation.id).BindBlob(2, EncodeOrderedKey(key, relation.key_collations));
  return insert->Run();
}

CarryOver::Trust FullComparison::TrustIn(const Relation& relation) {
  CarryOver::Trust trust;
  trust.hooks_kept = nothing_lost_ && relation.captured_as == plan_.renumbered.at(relation.id);
  trust.noted = [this, id = relation.id](const std::string& key) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(sqlite::Statement * select,
                     core_.statements.Get("SELECT 1 FROM temp.noted WHERE relation = ? AND key = ?"));
    ASSIGN_OR_RETURN(const bool found, select->BindInt(1, id).BindBlob(2, key).Step());
    select->Reset();
    return found;
  };
  return trust;
}

absl::Status FullComparison::TakeNoted(Reading& reading) {
  absl::Status noted;
  absl::Status read = reading.ForEachTouched(tail_.number, [&](const Relation& relation, const Row& key, const Row*) {
    noted = Note(kNoteDiffering, relation, key);
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
      return comparison_.Note(kNoteDiffering, relation_, key);
    }
    uint64_t rows() const { return rows_; }

   private:
    FullComparison& comparison_;
    const Relation& relation_;
    uint64_t rows_ = 0;
  };
  const Relation& relation = plan_.relations.at(relations_.back());
  const auto renumbered = plan_.renumbered.find(relation.id);
  if (carry_ == nullptr && renumbered != plan_.renumbered.end() && renumbered->second != 0)
    carry_ = std::make_unique<CarryOver>(core_, router_, relation, plan_, TrustIn(relation));
  Visitor visitor(*this, relation);
  if (carry_ != nullptr && carry_->carries()) {
    ASSIGN_OR_RETURN(after_, carry_->Range(reading, after_, visitor));
  } else {
    ASSIGN_OR_RETURN(after_, CompareRange(core_, router_, reading, relation, after_, "", visitor));
  }
  rows_ += visitor.rows();
  if (after_.empty()) {
    carry_.reset();
    relations_.pop_back();
  }
  return absl::OkStatus();
}

absl::Status FullComparison::Publish(Reading& reading) {
  const bool other = core_.state.owed == store::ComparisonCause::kOtherPast;
  const uint64_t number = reading.newest().number;
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, other ? Batch::BeginInNewHistory(core_, number, reading.wall(), plan_)
                                                       : Batch::Begin(core_, number, reading.wall(), plan_));
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
