#include "server/publish/dataset_catalogue.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/dataset_names.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/wire/definition.h"
#include "server/publish/composition.h"
#include "server/publish/narrowing.h"
#include "server/publish/resolution.h"

namespace replicast::publish {

namespace {

absl::Status Unknown(const std::string& name) {
  return Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN",
               absl::StrCat("there is no dataset ", name, ": see `replicast dataset list`"));
}

}  // namespace

absl::Status DatasetCatalogue::CheckName(const std::string& name) const {
  if (name.empty() || name.size() > limits::kMaxNameBytes) {
    return Error(absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
                 absl::StrCat("a dataset's name has 1 to ", limits::kMaxNameBytes, " bytes: choose another one"));
  }
  if (core_.datasets.count(name) != 0) {
    return Error(absl::StatusCode::kAlreadyExists, "DATASET_EXISTS",
                 absl::StrCat("dataset ", name, " exists already: choose another name, or delete it first"));
  }
  if (core_.datasets.size() >= static_cast<size_t>(limits::kMaxDatasets)) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                 absl::StrCat("there are ", limits::kMaxDatasets, " datasets already: delete one first"));
  }
  return absl::OkStatus();
}

absl::Status DatasetCatalogue::Create(const std::string& name, const v1::Definition& definition) {
  if (name.find_first_of({kJoinsNames, kNarrows}) != std::string::npos) {
    return Error(
        absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
        "a dataset's name has neither '+', which stands between those of several, nor '~', which stands before "
        "what is narrowed of one: choose another one");
  }
  return Add(name, definition);
}

absl::StatusOr<std::string> DatasetCatalogue::Combine(const std::vector<std::string>& datasets) {
  std::string name = NameOfParts(datasets);
  if (core_.datasets.count(name) != 0) return name;
  const auto combined = std::count_if(core_.datasets.begin(), core_.datasets.end(),
                                      [](const auto& dataset) { return !PartsOfName(dataset.first).empty(); });
  if (static_cast<size_t>(combined) >= limits::kMaxCombinedDatasets) {
    return Error(
        absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
        absl::StrCat("there are ", combined, " combinations of datasets already: delete one that nobody follows"));
  }
  std::vector<Part> parts;
  for (const std::string& dataset : datasets) {
    const auto found = core_.datasets.find(dataset);
    if (found == core_.datasets.end()) return Unknown(dataset);
    parts.push_back({dataset, core_.Find(found->second)->record.definition});
  }
  ASSIGN_OR_RETURN(const v1::Definition definition, Compose(parts));
  RETURN_IF_ERROR(Add(name, definition));
  return name;
}

absl::StatusOr<std::string> DatasetCatalogue::Narrow(const std::string& dataset, const v1::Definition& wanted) {
  const auto found = core_.datasets.find(dataset);
  if (found == core_.datasets.end()) return Unknown(dataset);
  const store::StreamRecord& record = core_.Find(found->second)->record;
  ASSIGN_OR_RETURN(const v1::Definition narrowed, publish::Narrow(record.definition, record.schema, wanted));
  ASSIGN_OR_RETURN(const v1::Definition canonical, wire::Canonical(narrowed));
  const DefinitionHash hash = wire::HashOf(canonical);
  if (hash == found->second) return dataset;
  std::string name = NameOfNarrowed(dataset, hash);
  if (!core_.datasets.contains(name)) RETURN_IF_ERROR(Add(name, canonical));
  return name;
}

absl::Status DatasetCatalogue::Add(const std::string& name, const v1::Definition& definition) {
  RETURN_IF_ERROR(core_.EnsureSound());
  RETURN_IF_ERROR(CheckName(name));
  ASSIGN_OR_RETURN(v1::Definition canonical, wire::Canonical(definition));
  const DefinitionHash hash = wire::HashOf(canonical);
  const Stream* same = core_.Find(hash);
  if (same != nullptr && !same->stopped()) {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
    RETURN_IF_ERROR(core_.catalogue.SetDataset(name, hash));
    RETURN_IF_ERROR(transaction.Commit());
    core_.datasets[name] = hash;
    return absl::OkStatus();
  }
  if (same == nullptr && core_.streams.size() >= static_cast<size_t>(limits::kMaxStreams)) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                 absl::StrCat("there are ", limits::kMaxStreams,
                              " different definitions already: delete a dataset, or use one of theirs"));
  }
  RETURN_IF_ERROR(drain_.RunAndRead().status());
  same = core_.Find(hash);
  std::vector<Relation> relations;
  ASSIGN_OR_RETURN(store::StreamRecord record, Describe(canonical, &relations));
  record.definition_hash = hash;
  RETURN_IF_ERROR(Put(name, std::move(record), std::move(relations), same == nullptr ? 0 : same->record.id));
  if (absl::Status captured = Capture(); !captured.ok()) {
    if (absl::Status undone = DeleteOne(name); !undone.ok()) spdlog::warn("{}", std::string(undone.message()));
    return captured;
  }
  const absl::Status refreshed = core_.RefreshRouter();
  if (!refreshed.ok()) core_.damaged = true;
  return refreshed;
}

absl::StatusOr<bool> DatasetCatalogue::Resume() {
  if (tried_.schema != drain_.schema()) tried_ = {drain_.schema(), core_.clock.Now(), false};
  if (tried_.done || core_.clock.Now() - tried_.seen < core_.options.settle) return false;
  std::vector<DefinitionHash> unresolved;
  for (const auto& [id, stream] : core_.streams) {
    if (stream.unresolved()) unresolved.push_back(stream.record.definition_hash);
  }
  bool any = false;
  for (const DefinitionHash& hash : unresolved) {
    ASSIGN_OR_RETURN(const bool resumed, Resume(*core_.Find(hash)));
    any |= resumed;
  }
  tried_.done = true;
  return any;
}

absl::StatusOr<bool> DatasetCatalogue::Resume(const Stream& stream) {
  const store::StreamRecord& old = stream.record;
  const auto dataset = std::find_if(core_.datasets.begin(), core_.datasets.end(),
                                    [&](const auto& entry) { return entry.second == old.definition_hash; });
  std::vector<Relation> relations;
  absl::StatusOr<store::StreamRecord> record = Describe(old.definition, &relations);
  if (MeansNothing(record.status())) return false;
  if (!record.ok()) return core_.SourceFailed(record.status());
  if (dataset == core_.datasets.end() || record->schema.encoding() != old.schema.encoding()) return false;
  record->definition_hash = old.definition_hash;
  const std::string name = dataset->first;
  RETURN_IF_ERROR(Put(name, *std::move(record), std::move(relations), old.id));
  const int64_t id = core_.Find(core_.datasets.at(name))->record.id;
  if (absl::Status captured = Capture(); !captured.ok()) {
    const std::string reason = "its tables can't be captured now: " + std::string(captured.message());
    RETURN_IF_ERROR(core_.Stop({{id, {reason, store::StreamState::kUnresolved}}}));
    return captured;
  }
  if (absl::Status refreshed = core_.RefreshRouter(); !refreshed.ok()) {
    core_.damaged = true;
    return refreshed;
  }
  spdlog::info("dataset {} means something again: it is made anew", name);
  return true;
}

absl::StatusOr<store::StreamRecord> DatasetCatalogue::Describe(const v1::Definition& canonical,
                                                               std::vector<Relation>* relations) {
  Descriptions descriptions(core_.source);
  for (const std::string& name : canonical.except()) {
    if (const absl::Status& status = descriptions.Of(name).status(); ReasonOf(status) == "TABLE_UNKNOWN") return status;
  }
  ASSIGN_OR_RETURN(Resolution resolution, Resolve(descriptions, canonical));
  store::StreamRecord record;
  record.definition = canonical;
  record.schema = std::move(resolution.schema);
  record.schema.set_version(1);
  record.tables.resize(resolution.relations.size());
  *relations = std::move(resolution.relations);
  for (Relation& relation : *relations) {
    relation.id = 0;
    for (const auto& [id, known] : core_.relations) {
      bool captured = known.name == relation.name && known.ddl == relation.ddl && !core_.IsStale(id);
      bool in_use = std::any_of(core_.streams.begin(), core_.streams.end(), [id = id](const auto& entry) {
        const std::vector<uint32_t>& its = entry.second.record.relations;
        return !entry.second.stopped() && std::find(its.begin(), its.end(), id) != its.end();
      });
      if (captured && in_use) relation.id = id;
    }
  }
  return record;
}

absl::Status DatasetCatalogue::Put(const std::string& name, store::StreamRecord record, std::vector<Relation> relations,
                                   int64_t replaced) {
  core_.damaged = true;
  {
    // Before the source captures anything: a relation's number in its outbox never means two tables.
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
    if (replaced != 0) RETURN_IF_ERROR(core_.catalogue.Remove(replaced));
    for (Relation& relation : relations) {
      if (relation.id == 0) {
        ASSIGN_OR_RETURN(relation.id, core_.catalogue.AddRelation(relation.name, relation.ddl));
      }
      record.relations.push_back(relation.id);
    }
    RETURN_IF_ERROR(core_.catalogue.Add(&record));
    RETURN_IF_ERROR(core_.catalogue.SetDataset(name, record.definition_hash));
    RETURN_IF_ERROR(transaction.Commit());
  }
  if (replaced != 0) {
    core_.streams.erase(replaced);
    core_.dead.streams.insert(replaced);
  }
  for (Relation& relation : relations) core_.relations[relation.id] = std::move(relation);
  core_.datasets[name] = record.definition_hash;
  core_.streams[record.id].record = std::move(record);
  core_.damaged = false;
  return absl::OkStatus();
}

absl::Status DatasetCatalogue::Alter(const std::string& name, const v1::Definition& definition) {
  RETURN_IF_ERROR(core_.EnsureSound());
  const auto dataset = core_.datasets.find(name);
  if (dataset == core_.datasets.end() || name.find_first_of({kJoinsNames, kNarrows}) != std::string::npos)
    return Unknown(name);
  ASSIGN_OR_RETURN(const v1::Definition canonical, wire::Canonical(definition));
  const DefinitionHash hash = wire::HashOf(canonical);
  if (hash == dataset->second && !core_.Find(hash)->stopped()) return absl::OkStatus();
  // Until all is well with the new definition, the name stands for the old one.
  const std::string anew = name + kJoinsNames;
  RETURN_IF_ERROR(EndUnfinished());
  RETURN_IF_ERROR(Add(anew, canonical));
  RETURN_IF_ERROR(DeleteDerived(name));
  RETURN_IF_ERROR(Rename(name, hash));
  return DeleteOne(anew);
}

absl::Status DatasetCatalogue::EndUnfinished() {
  std::vector<std::string> unfinished;
  for (const auto& [name, hash] : core_.datasets) {
    if (name.ends_with(kJoinsNames)) unfinished.push_back(name);
  }
  for (const std::string& name : unfinished) RETURN_IF_ERROR(DeleteOne(name));
  return absl::OkStatus();
}

absl::Status DatasetCatalogue::Delete(const std::string& name) {
  RETURN_IF_ERROR(DeleteDerived(name));
  return DeleteOne(name);
}

absl::Status DatasetCatalogue::DeleteDerived(const std::string& name) {
  std::vector<std::string> derived;
  for (const auto& [other, hash] : core_.datasets) {
    const std::string base = NameBeforeNarrowing(other);
    const std::vector<std::string> parts = PartsOfName(base);
    const bool combined = parts.size() > 1 && std::find(parts.begin(), parts.end(), name) != parts.end();
    if (combined || (base == name && other != name)) derived.push_back(other);
  }
  for (const std::string& other : derived) RETURN_IF_ERROR(DeleteOne(other));
  return absl::OkStatus();
}

absl::Status DatasetCatalogue::DeleteOne(const std::string& name) { return Rename(name, std::nullopt); }

absl::Status DatasetCatalogue::Rename(const std::string& name, const std::optional<DefinitionHash>& other) {
  RETURN_IF_ERROR(core_.EnsureSound());
  auto dataset = core_.datasets.find(name);
  if (dataset == core_.datasets.end()) return Unknown(name);
  const DefinitionHash hash = dataset->second;
  const bool last = other != hash && std::count_if(core_.datasets.begin(), core_.datasets.end(),
                                                   [&](const auto& d) { return d.second == hash; }) == 1;
  Stream* stream = last ? core_.Find(hash) : nullptr;
  {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
    RETURN_IF_ERROR(other ? core_.catalogue.SetDataset(name, *other) : core_.catalogue.RemoveDataset(name));
    if (stream != nullptr) RETURN_IF_ERROR(core_.catalogue.Remove(stream->record.id));
    RETURN_IF_ERROR(transaction.Commit());
  }
  StreamInfo info;
  if (stream != nullptr) info = core_.Info(*stream);
  if (other)
    dataset->second = *other;
  else
    core_.datasets.erase(dataset);
  if (stream == nullptr) return absl::OkStatus();
  const int64_t id = stream->record.id;
  core_.index->Forget(id);
  core_.dead.streams.insert(id);
  core_.streams.erase(id);
  absl::Status refreshed = core_.RefreshRouter();
  if (!refreshed.ok()) core_.damaged = true;
  RETURN_IF_ERROR(refreshed);
  {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
    RETURN_IF_ERROR(core_.RemoveUnusedRelations());
    RETURN_IF_ERROR(transaction.Commit());
  }
  core_.listener.OnStreamStopped(info);
  if (drain_.AbandonComparison()) return absl::OkStatus();  // the next one captures what is left
  // The dataset is gone whatever the source says: what it captures too much is left out at the next occasion.
  if (absl::Status captured = Capture(); !captured.ok()) {
    spdlog::warn("the master's triggers could not be taken out now: {}", std::string(captured.message()));
  }
  return absl::OkStatus();
}

// What is put right may have missed changes: that a comparison is owed is noted before, so that a crash in between
// can't hide it.
absl::Status DatasetCatalogue::Capture() {
  const store::ComparisonCause owed = core_.state.owed;
  RETURN_IF_ERROR(FullComparison::Owe(core_, store::ComparisonCause::kHooks));
  const absl::StatusOr<std::vector<Reading::Change>> changes = core_.CaptureRelations();
  if (changes.ok() ? changes->empty() : absl::IsUnavailable(changes.status())) RETURN_IF_ERROR(core_.SetOwed(owed));
  return changes.status();
}

}  // namespace replicast::publish
