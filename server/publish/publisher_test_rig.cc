#include "server/publish/publisher_test_rig.h"

#include <unistd.h>

#include <utility>

#include "common/base/errors.h"
#include "common/wire/definition.h"
#include "server/publish/resolution.h"
#include "server/route/table_schema.h"
#include "server/route/table_view.h"

namespace replicast::testing {

void Listener::Gather(const wire::Verifier& verifier, const std::string& encoded, HeardUnit* open,
                      std::vector<HeardUnit>* done) {
  absl::StatusOr<wire::UnitPart> part = wire::OpenUnitPart(encoded, verifier);
  ASSERT_TRUE(part.ok()) << part.status();
  if (part->header.part_number() == 1) *open = HeardUnit();
  ASSERT_EQ(part->header.part_number(), open->bodies.size() + 1);
  open->bodies.push_back(part->body);
  open->header = part->header;
  if (part->header.final_part()) done->push_back(std::exchange(*open, HeardUnit()));
}

void Listener::OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader& header, const wire::EncodedPart& part) {
  ASSERT_EQ(header.definition_hash(), stream.ToBytes());
  --takes;
  Gather(verifier_, part, &open_[stream], &heard_[stream]);
}

std::vector<HeardUnit> Listener::Take(const DefinitionHash& stream) { return std::exchange(heard_[stream], {}); }

PublisherRig::PublisherRig() {
  source_.CreateTable(
      FakeSource::MakeRelation("items", {{"id", "INTEGER"}, {"kind", "TEXT"}, {"value", "INTEGER"}}, {"id"}));
  source_.CreateTable(FakeSource::MakeRelation("notes", {{"body", "TEXT"}, {"author", "TEXT"}, {"number", "INTEGER"}},
                                               {"author", "number"}));
}

PublisherRig::~PublisherRig() {
  publisher_.reset();
  state_.reset();
}

void PublisherRig::Start() {
  absl::StatusOr<std::unique_ptr<sqlite::Database>> state =
      sqlite::Database::Open((folder_ / (std::to_string(incarnation_) + ".db")).string(), {.create = true});
  ASSERT_TRUE(state.ok()) << state.status();
  state_ = *std::move(state);
  ASSERT_TRUE(state_->Execute("PRAGMA journal_mode = WAL").ok());
  absl::StatusOr<std::unique_ptr<Publisher>> publisher =
      Publisher::Start(*state_, source_, signer_, clock_, random_, *listener_, options_);
  ASSERT_TRUE(publisher.ok()) << publisher.status();
  publisher_ = *std::move(publisher);
}

void PublisherRig::Crash() {
  // A copy of the open files is what a killed process leaves behind.
  for (const char* suffix : {".db", ".db-wal"}) {
    std::filesystem::path from = folder_ / (std::to_string(incarnation_) + suffix);
    if (std::filesystem::exists(from))
      std::filesystem::copy_file(from, folder_ / (std::to_string(incarnation_ + 1) + suffix));
  }
  ++incarnation_;
  publisher_.reset();
  state_.reset();
}

v1::TableDefinition PublisherRig::Table(const std::string& name, const std::vector<std::string>& columns,
                                        const std::string& filter) {
  v1::TableDefinition table;
  table.set_name(name);
  for (const std::string& column : columns) table.add_columns(column);
  table.set_filter(filter);
  return table;
}

v1::Definition PublisherRig::Define(const std::vector<v1::TableDefinition>& tables) {
  v1::Definition definition;
  for (const v1::TableDefinition& table : tables) *definition.add_tables() = table;
  return definition;
}

DefinitionHash PublisherRig::Create(const std::string& name, const v1::Definition& definition) {
  absl::Status created = publisher_->CreateDataset(name, definition);
  EXPECT_TRUE(created.ok()) << created;
  absl::StatusOr<StreamInfo> info = publisher_->Dataset(name);
  EXPECT_TRUE(info.ok()) << info.status();
  return info.ok() ? info->definition_hash : DefinitionHash();
}

void PublisherRig::Build() {
  while (true) {
    absl::StatusOr<bool> more = publisher_->BuildStep();
    ASSERT_TRUE(more.ok()) << more.status();
    if (!*more) return;
  }
}

Publisher::DrainResult PublisherRig::Drain() {
  absl::StatusOr<Publisher::DrainResult> result = publisher_->Drain();
  EXPECT_TRUE(result.ok()) << result.status();
  return result.value_or(Publisher::DrainResult::kUnavailable);
}

Publisher::DrainResult PublisherRig::DrainToTheEnd() {
  Publisher::DrainResult result = Drain();
  while (result == Publisher::DrainResult::kMore) result = Drain();
  return result;
}

TinyReplica::Tables PublisherRig::Truth(const DefinitionHash& hash) {
  StreamInfo info = *publisher_->Stream(hash);
  TinyReplica::Tables tables(static_cast<size_t>(info.schema.tables_size()));
  for (int i = 0; i < info.schema.tables_size(); ++i) {
    Relation relation = *source_.Describe(info.schema.tables(i).name());
    auto view = *route::TableView::Create(relation, route::PublishedColumns(relation, info.schema.tables(i)),
                                          publish::PartAbout(info.definition, relation.name).filter());
    for (const Row& row : source_.Rows(relation.name)) {
      if (const Row* published = view->Published(row); published != nullptr) {
        tables[static_cast<size_t>(i)][EncodeOrderedKey(relation.KeyOf(row), relation.key_collations)] = *published;
      }
    }
  }
  return tables;
}

TinyReplica PublisherRig::Join(const DefinitionHash& stream) {
  TinyReplica replica(publisher_->Stream(stream)->schema, stream);
  Snapshot(stream, &replica);
  listener_->Take(stream);
  return replica;
}

void PublisherRig::Snapshot(const DefinitionHash& stream, TinyReplica* replica) {
  replica->BeginStaging();
  while (replica->wanted().has_value()) {
    absl::StatusOr<v1::SignedChunk> chunk = ReadChunk(stream, replica->wanted()->table, replica->wanted()->after_key);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    replica->Load(*chunk, pieces_.get(), verifier_);
  }
  ASSERT_TRUE(CatchUpStaging(stream, replica));
  ASSERT_TRUE(replica->TrySwap());
}

absl::StatusOr<std::vector<HeardUnit>> PublisherRig::UnitsFrom(const Position& position, size_t most_bytes) {
  std::vector<HeardUnit> units;
  HeardUnit open;
  Publisher::CatchUpBatch batch;
  batch.position = position;
  do {
    ASSIGN_OR_RETURN(batch, publisher_->CatchUp(batch.position, batch.resume, most_bytes));
    for (const std::string& part : batch.parts) Listener::Gather(verifier_, part, &open, &units);
  } while (!batch.at_end);
  return units;
}

bool PublisherRig::CatchUp(const DefinitionHash&, TinyReplica* replica, size_t most_bytes) {
  absl::StatusOr<std::vector<HeardUnit>> units = UnitsFrom(*replica->position(), most_bytes);
  if (!units.ok()) {
    EXPECT_EQ(units.status().code(), absl::StatusCode::kOutOfRange) << units.status();
    return false;
  }
  for (const HeardUnit& unit : *units) {
    TinyReplica::Admission admission = replica->Admit(unit);
    EXPECT_TRUE(admission == TinyReplica::Admission::kApplied || admission == TinyReplica::Admission::kHad);
  }
  return true;
}

bool PublisherRig::CatchUpStaging(const DefinitionHash&, TinyReplica* replica) {
  absl::StatusOr<std::vector<HeardUnit>> units = UnitsFrom(*replica->staging_position(), 1 << 20);
  if (!units.ok()) return false;
  for (const HeardUnit& unit : *units) {
    TinyReplica::Admission admission = replica->AdmitToStaging(unit);
    if (admission == TinyReplica::Admission::kForeign) return false;
    EXPECT_NE(admission, TinyReplica::Admission::kGap);
  }
  return true;
}

void PublisherRig::Follow(const DefinitionHash& stream, TinyReplica* replica) {
  for (const HeardUnit& unit : listener_->Take(stream)) {
    TinyReplica::Admission admission = replica->Admit(unit);
    EXPECT_TRUE(admission == TinyReplica::Admission::kApplied || admission == TinyReplica::Admission::kHad)
        << unit.header.ShortDebugString();
  }
}

PublisherRig::Compared PublisherRig::ComparedOf(const v1::CompareResponse& answer) {
  Compared compared{{}, answer.read_at()};
  for (const v1::TableDigest& digest : answer.digests())
    compared.tables.push_back({*Digest::FromBytes(digest.digest()), digest.row_count()});
  return compared;
}

absl::StatusOr<PublisherRig::Compared> PublisherRig::Compare(const Position& position) {
  ASSIGN_OR_RETURN(std::unique_ptr<Publisher::Comparison> comparison, publisher_->BeginCompare(position, nullptr));
  RETURN_IF_ERROR(comparison->Run());
  return ComparedOf(comparison->Answer());
}

absl::StatusOr<v1::CompareResponse> PublisherRig::Compare(const Position& position, const v1::KeyRanges& ranges) {
  ASSIGN_OR_RETURN(std::unique_ptr<Publisher::Comparison> comparison, publisher_->BeginCompare(position, &ranges));
  RETURN_IF_ERROR(comparison->Run());
  return comparison->Answer();
}

void PublisherRig::WriteSomething(Random& random, int rows) {
  source_.Begin();
  for (int i = 0; i < rows; ++i) {
    if (random.Below(3) > 0) {
      Value id = static_cast<int64_t>(random.Below(40));
      if (random.Below(4) == 0) {
        source_.Remove("items", {id});
      } else {
        source_.Put("items", {id, Text{std::string(1, static_cast<char>('a' + random.Below(3)))},
                              static_cast<int64_t>(random.Below(10))});
      }
    } else {
      Value author = Text{random.Below(2) == 0 ? "ann" : "bob"};
      Value number = static_cast<int64_t>(random.Below(10));
      if (random.Below(4) == 0) {
        source_.Remove("notes", {author, number});
      } else {
        source_.Put("notes", {Text{"note " + std::to_string(random.Below(100))}, author, number});
      }
    }
  }
  source_.Commit();
}

}  // namespace replicast::testing
