#include "server/publish/schema_plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/errors.h"
#include "server/publish/resolution.h"

namespace replicast::publish {
namespace {

class Planner {
 public:
  explicit Planner(Core& core) : core_(core), descriptions_(core.source) {}

  absl::StatusOr<SchemaPlan> Make() {
    for (const auto& [id, relation] : core_.relations) by_name_[relation.name] = id;
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
    for (const auto& [id, stream] : core_.streams) {
      if (stream.stopped()) continue;
      const absl::StatusOr<Resolution> resolution = Resolve(descriptions_, stream.record.definition);
      if (MeansNothing(resolution.status()))
        plan_.ends[id] = {std::string(resolution.status().message()) +
                              ": it goes on by itself once that is put right, or give it another definition with "
                              "`replicast dataset alter`",
                          store::StreamState::kUnresolved};
      else if (!resolution.ok())
        return resolution.status();
      else if (const std::string& encoding = stream.record.schema.encoding(); resolution->schema.encoding() != encoding)
        plan_.ends[id].reason =
            "the master's text encoding is " + resolution->schema.encoding() + " now and was " + encoding +
            ", which no replica can follow: delete the dataset, create it again, and join with new files";
      else
        RETURN_IF_ERROR(Plan(stream, *resolution));
    }
    RETURN_IF_ERROR(transaction.Commit());
    return std::move(plan_);
  }

 private:
  absl::Status Plan(const Stream& stream, const Resolution& resolution) {
    const store::StreamRecord& record = stream.record;
    StreamPlan plan;
    *plan.change.mutable_schema() = resolution.schema;
    plan.change.mutable_schema()->set_version(record.schema.version());
    bool same = plan.change.schema().SerializeAsString() == record.schema.SerializeAsString();
    for (size_t i = 0; i < resolution.relations.size(); ++i) {
      StreamPlan::Table& table = plan.tables.emplace_back();
      ASSIGN_OR_RETURN(table.relation, NumberOf(resolution.relations[i]));
      const auto renumbered = plan_.renumbered.find(table.relation);
      table.old_relation = renumbered == plan_.renumbered.end() ? table.relation : renumbered->second;
      same = same && i < record.relations.size() && record.relations[i] == table.relation;
      AddOrigin(record, resolution.relations[i], static_cast<int>(i), &plan);
    }
    if (same) return absl::OkStatus();
    plan.change.mutable_schema()->set_version(record.schema.version() + 1);
    for (const StreamPlan::Table& table : plan.tables) {
      const auto old = std::find(record.relations.begin(), record.relations.end(), table.relation);
      plan.states.push_back(old == record.relations.end()
                                ? TableState()
                                : record.tables[static_cast<size_t>(old - record.relations.begin())]);
    }
    plan_.streams[record.id] = std::move(plan);
    return absl::OkStatus();
  }

  void AddOrigin(const store::StreamRecord& record, const Relation& relation, int place, StreamPlan* plan) {
    StreamPlan::Table& table = plan->tables[static_cast<size_t>(place)];
    v1::TableOrigin* out = plan->change.add_origins();
    const auto old = std::find(record.relations.begin(), record.relations.end(), table.old_relation);
    if (table.old_relation == 0 || old == record.relations.end()) return;
    const auto old_place = old - record.relations.begin();
    table.origin = OriginOfTable::Guess(record.schema.tables(static_cast<int>(old_place)),
                                        plan->change.schema().tables(place), relation);
    if (!table.origin) return;
    *out = table.origin->origin();
    out->set_table(static_cast<uint32_t>(old_place) + 1);
  }

  absl::StatusOr<uint32_t> NumberOf(const Relation& relation) {
    if (const auto known = numbers_.find(relation.name); known != numbers_.end()) return known->second;
    ASSIGN_OR_RETURN(const uint32_t number, NewNumberOf(relation));
    numbers_[relation.name] = number;
    Relation numbered = relation;
    numbered.id = number;
    plan_.relations[number] = std::move(numbered);
    return number;
  }

  absl::StatusOr<uint32_t> NewNumberOf(const Relation& relation) {
    const auto named = by_name_.find(relation.name);
    if (named != by_name_.end() && core_.relations.at(named->second).ddl == relation.ddl &&
        (relation.captured_as == 0 || relation.captured_as == named->second))
      return named->second;
    ASSIGN_OR_RETURN(const uint32_t number, core_.catalogue.AddRelation(relation.name, relation.ddl));
    uint32_t before = named == by_name_.end() ? 0 : named->second;
    if (core_.relations.count(relation.captured_as) != 0) before = relation.captured_as;
    plan_.renumbered[number] = before;
    return number;
  }

  Core& core_;
  Descriptions descriptions_;
  SchemaPlan plan_;
  std::map<std::string, uint32_t> by_name_;  // the old ones
  std::map<std::string, uint32_t> numbers_;  // of those that are planned
};

}  // namespace

bool SchemaPlan::KeepsAny(const std::vector<Reading::Change>& changes) const {
  return std::any_of(changes.begin(), changes.end(),
                     [&](const Reading::Change& change) { return relations.count(change.relation) != 0; });
}

absl::StatusOr<SchemaPlan> SchemaPlan::Make(Core& core) { return Planner(core).Make(); }

}  // namespace replicast::publish
