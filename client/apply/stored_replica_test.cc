#include <gtest/gtest.h>

#include <filesystem>

#include "client/apply/apply_test_rig.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/numbered.h"

namespace replicast {
namespace {

TEST(StoredReplicaTest, SwappedUniqueValuesAndEveryStorageClassArriveExactly) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  rig.Put(ApplyRig::Item(1, int64_t{10}, Real{-0.0}));
  rig.Put(ApplyRig::Item(2, int64_t{20}, Text{std::string("a\0b\xff", 4)}));
  rig.Put(ApplyRig::Item(3, std::monostate(), Blob{""}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
  rig.Put(ApplyRig::Item(1, int64_t{20}, int64_t{INT64_MIN}));
  rig.Put(ApplyRig::Item(2, int64_t{10}, Text{""}));
  rig.Remove({int64_t{3}});
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
}

TEST(StoredReplicaTest, EqualButNotIdenticalKeysAreTwoRows) {
  v1::DatasetSchema schema;
  auto& table = *schema.add_tables();
  table.set_name("item");
  for (const char* name : {"k", "v"}) table.add_columns()->set_name(name);
  table.mutable_columns(0)->set_collation("NOCASE");
  table.mutable_columns(0)->set_key_part(1);
  table.mutable_columns(0)->set_not_null(true);
  table.add_key_columns(0);
  table.set_without_rowid(true);
  ApplyRig rig(schema);
  auto replica = rig.OpenWithSnapshot();
  rig.Put({Text{"abc"}, int64_t{1}});
  rig.Put({int64_t{1}, int64_t{1}});
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  rig.Remove({Text{"abc"}});
  rig.Put({Text{"ABC"}, int64_t{2}});
  rig.Remove({int64_t{1}});
  rig.Put({Real{1.0}, int64_t{2}});
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
}

TEST(StoredReplicaTest, DuplicatesAndGapsChangeNothing) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  rig.Put(ApplyRig::Item(1, int64_t{1}, int64_t{1}));
  const auto first = rig.Unit();
  rig.Put(ApplyRig::Item(1, int64_t{1}, int64_t{2}));
  const auto second = rig.Unit();
  EXPECT_EQ(*replica->OfferAll(second), Admission::kGap);
  EXPECT_TRUE(rig.Shown().empty());
  EXPECT_EQ(*replica->OfferAll(first), Admission::kApplied);
  EXPECT_EQ(*replica->OfferAll(first), Admission::kAlreadyHave);
  EXPECT_EQ(*replica->OfferAll({first[0], second[0]}), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StoredReplicaTest, AUnitOfManyPartsIsShownWholeOrNotAtAll) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  const size_t rows = 2 * limits::kMaxUnitInMemoryBytes / 1000;
  for (size_t i = 0; i < rows; ++i)
    rig.Put(ApplyRig::Item(static_cast<int64_t>(i), static_cast<int64_t>(i), Text{rig.random.Bytes(1000)}));
  const auto parts = rig.Unit();
  ASSERT_GT(parts.size(), 10u);
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    ASSERT_EQ(*replica->Offer(parts[i]), Admission::kApplied);
    ASSERT_EQ(rig.Shown().size(), 0u) << "part " << i;
  }
  ASSERT_EQ(*replica->Offer(parts.back()), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
}

TEST(StoredReplicaTest, TheLogIsShortAgainAfterALongUnit) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  for (int64_t i = 0; i < 30; ++i) rig.Put(ApplyRig::Item(i, i, Blob{rig.random.Bytes(1'000'000)}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_LE(std::filesystem::file_size(rig.path + "-wal"), static_cast<uintmax_t>(limits::kLogBytes));
  // While somebody reads what was before, it can't be.
  ASSERT_TRUE(rig.Other().Execute("BEGIN; SELECT count(*) FROM item").ok());
  for (int64_t i = 0; i < 30; ++i) rig.Put(ApplyRig::Item(i, i, Blob{rig.random.Bytes(1'000'000)}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_GT(std::filesystem::file_size(rig.path + "-wal"), static_cast<uintmax_t>(limits::kLogBytes));
  ASSERT_TRUE(rig.Other().Execute("COMMIT").ok());
  ASSERT_TRUE(replica->ShortenLog().ok());
  EXPECT_LE(std::filesystem::file_size(rig.path + "-wal"), static_cast<uintmax_t>(limits::kLogBytes));
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StoredReplicaTest, ABrokenSequenceOfPartsIsDroppedAndCanBeOfferedAgain) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  for (int64_t i = 0; i < 1000; ++i) rig.Put(ApplyRig::Item(i, i, Text{std::string(1000, 'x')}));
  const auto parts = rig.Unit();
  ASSERT_GE(parts.size(), 3u);
  ASSERT_EQ(*replica->Offer(parts[0]), Admission::kApplied);
  EXPECT_EQ(*replica->Offer(parts[2]), Admission::kGap);
  EXPECT_EQ(*replica->OfferAll(parts), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StoredReplicaTest, APositionAndItsRowsAreOneOnDiskAtEveryMoment) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  for (int round = 0; round < 20; ++round) {
    const std::vector<Row> before = rig.Master();
    const Lsn at = replica->position()->lsn;
    rig.Put(ApplyRig::Item(round, int64_t{round}, Text{std::string(5000, 'x')}));
    const auto unit = rig.Unit();
    ASSERT_EQ(*replica->OfferAll(unit), Admission::kApplied);
    // What a kill would leave now.
    const std::string copy = rig.folder + "/copy.db";
    std::filesystem::copy_file(rig.path, copy, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(rig.path + "-wal", copy + "-wal", std::filesystem::copy_options::overwrite_existing);
    ReplicaDatabase::Options options;
    options.path = copy;
    auto again = ReplicaDatabase::Open(options, rig.clock);
    ASSERT_TRUE(again.ok()) << again.status();
    const Lsn there = (*again)->position()->lsn;
    ASSERT_TRUE(there == at || there == rig.lsn);
    const auto actual = ReplicaDatabase::ReadActual(copy);
    ASSERT_TRUE(actual.ok()) << actual.status();
    EXPECT_EQ(actual->tables[0], (*again)->table_states()[0]);
    EXPECT_EQ(*(*again)->OfferAll(unit), there == at ? Admission::kApplied : Admission::kAlreadyHave);
    again->reset();
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(copy + suffix);
  }
}

TEST(StoredReplicaTest, AStrangersWriteIsNoticedByTheNextUnitAndNamed) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, Text{"right"}));
  rig.Put(ApplyRig::Item(2, int64_t{2}, Text{"right"}));
  rig.Unit();
  auto replica = rig.OpenWithSnapshot();
  ASSERT_TRUE(rig.Other().Execute("UPDATE item SET v = 'wrong' WHERE id = 1").ok());
  rig.Put(ApplyRig::Item(2, int64_t{2}, Text{"changed"}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_EQ(replica->damaged_tables(), std::vector<std::string>{"item"});
  rig.LoadAll(*replica);
  ASSERT_TRUE(*replica->TrySwap());
  EXPECT_TRUE(replica->damaged_tables().empty());
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StoredReplicaTest, AStrangersWriteWhileNoDaemonRanIsNoticedByTheNextUnit) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, Text{"right"}));
  rig.Unit();
  auto replica = rig.OpenWithSnapshot();
  replica.reset();
  ASSERT_TRUE(rig.Other().Execute("UPDATE item SET v = 'wrong' WHERE id = 1").ok());
  replica = rig.Open();
  rig.Put(ApplyRig::Item(2, int64_t{2}, Text{"new"}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_EQ(replica->damaged_tables(), std::vector<std::string>{"item"});
}

TEST(StoredReplicaTest, DamageIsNotForgottenByAKillBeforeItIsHealed) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, Text{"right"}));
  rig.Unit();
  auto replica = rig.OpenWithSnapshot();
  ASSERT_TRUE(rig.Other().Execute("UPDATE item SET v = 'wrong' WHERE id = 1").ok());
  rig.Put(ApplyRig::Item(2, int64_t{2}, Text{"new"}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  ASSERT_FALSE(replica->damaged_tables().empty());
  replica.reset();
  replica = rig.Open();
  rig.Put(ApplyRig::Item(3, int64_t{3}, Text{"new"}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_EQ(replica->damaged_tables(), std::vector<std::string>{"item"});
}

TEST(StoredReplicaTest, ADroppedTableLeavesOnlyASnapshot) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  replica.reset();
  ASSERT_TRUE(rig.Other().Execute("DROP TABLE item").ok());
  replica = rig.Open();
  EXPECT_EQ(replica->damaged_tables(), std::vector<std::string>{"item"});
  rig.LoadAll(*replica);
  ASSERT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StoredReplicaTest, AViewWithoutEndInTheTablesPlaceIsDamageAndASnapshotHealsIt) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  // A connection that knows the view runs it without asking the file, since it reads no table: this one is closed
  // again.
  ASSERT_TRUE(
      (*sqlite::Database::Open(rig.path, {}))
          ->Execute("DROP TABLE item; CREATE VIEW item AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
                    "FROM c) SELECT x AS id, x AS u, x AS v FROM c")
          .ok());
  const auto actual = ReplicaDatabase::ReadActual(rig.path);
  ASSERT_TRUE(actual.ok()) << actual.status();
  EXPECT_EQ(actual->tables[0].rows, 0u);
  replica.reset();
  replica = rig.Open();
  EXPECT_EQ(replica->damaged_tables(), std::vector<std::string>{"item"});
  rig.LoadAll(*replica);
  ASSERT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StoredReplicaTest, ASnapshotOfAnotherHistoryIsAsNewAsItsNextBoundarySays) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  const absl::Time right = absl::FromUnixSeconds(1'700'000'000), ahead = right + absl::Hours(1);
  ASSERT_EQ(*replica->Offer(rig.EmptyUnit(ahead)), Admission::kAlreadyHave);
  EXPECT_EQ(replica->master_time(), ahead);
  ASSERT_EQ(*replica->Offer(rig.EmptyUnit(right)), Admission::kAlreadyHave);
  EXPECT_EQ(replica->master_time(), ahead) << "of the same boundary an earlier time is old news";
  // A master that was restored, and whose clock is right again.
  rig.history = Numbered<HistoryId>(2);
  rig.LoadAll(*replica);
  ASSERT_TRUE(*replica->TrySwap());
  ASSERT_EQ(*replica->Offer(rig.EmptyUnit(right)), Admission::kAlreadyHave);
  EXPECT_EQ(replica->master_time(), right);
}

TEST(StoredReplicaTest, ABoundaryOfBeforeTheMastersClockWasSetBackIsOldNews) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  const absl::Time ahead = absl::FromUnixSeconds(1'700'000'000) + absl::Hours(1);
  const wire::UnitPart before = rig.EmptyUnit(ahead);
  ASSERT_EQ(*replica->Offer(before), Admission::kAlreadyHave);
  rig.Put(ApplyRig::Item(3, int64_t{3}, Text{"new"}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  const absl::Time right = replica->master_time();
  EXPECT_LT(right, ahead);
  ASSERT_EQ(*replica->Offer(before), Admission::kAlreadyHave);
  EXPECT_EQ(replica->master_time(), right);
}

TEST(StoredReplicaTest, ASchemaInTheFileWhoseKeyIsNoColumnIsRefused) {
  ApplyRig rig;
  rig.OpenWithSnapshot().reset();
  v1::DatasetSchema schema = ApplyRig::ItemSchema();
  schema.mutable_tables(0)->set_key_columns(0, 3);
  {
    auto update = rig.Other().Prepare("UPDATE _replicast_state SET schema = ?");
    ASSERT_TRUE(update->BindBlob(1, schema.SerializeAsString()).Run().ok());
  }
  EXPECT_EQ(ReasonOf(ReplicaDatabase::Open({.path = rig.path}, rig.clock).status()), "DATABASE_CORRUPT");
  EXPECT_EQ(ReasonOf(ReplicaDatabase::ReadActual(rig.path).status()), "DATABASE_CORRUPT");
}

TEST(StoredReplicaTest, TextsAreKeptInTheMastersEncodingByteForByte) {
  for (const TextEncoding encoding : {TextEncoding::kUtf16le, TextEncoding::kUtf16be}) {
    v1::DatasetSchema schema = ApplyRig::ItemSchema();
    schema.set_encoding(NameOf(encoding));
    ApplyRig rig(schema);
    auto replica = rig.OpenWithSnapshot();
    rig.Put(ApplyRig::Item(1, int64_t{10}, Text{FromUtf8("grün", encoding)}));
    rig.Put(ApplyRig::Item(2, int64_t{20}, Text{"odd"}));
    rig.Put(ApplyRig::Item(3, int64_t{30}, Text{"\xff\xfe"}));
    rig.Put(ApplyRig::Item(4, int64_t{40}, Text{std::string("\xd8\0\0\xd8", 4)}));
    ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
    EXPECT_EQ(rig.Shown(), rig.Master());
    EXPECT_TRUE(replica->damaged_tables().empty());
    EXPECT_EQ(**rig.Other().QueryText("SELECT v FROM item WHERE id = 1"), "grün");
    replica.reset();
    EXPECT_EQ((*ReplicaDatabase::Open({.path = rig.path}, rig.clock))->position()->lsn, rig.lsn);
  }
}

TEST(StoredReplicaTest, AFullTextIndexIsTheReplicasOwnAndIsSearched) {
  v1::DatasetSchema schema;
  auto& table = *schema.add_tables();
  table.set_name("item");
  table.set_module("fts5(title, body)");
  for (const char* name : {"rowid", "title", "body"}) table.add_columns()->set_name(name);
  table.mutable_columns(0)->set_rowid(true);
  table.add_key_columns(0);
  ApplyRig rig(schema);
  auto replica = rig.OpenWithSnapshot();
  rig.Put({int64_t{1}, Text{"green eggs"}, int64_t{5}});
  rig.Put({int64_t{2}, Text{"red ham"}, Blob{"ham"}});
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  rig.Remove({int64_t{2}});
  rig.Put({int64_t{1}, Text{"green ham"}, std::monostate()});
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_TRUE(replica->damaged_tables().empty());
  const auto count = [&](const std::string& word) {
    return *rig.Other().QueryValue("SELECT count(*) FROM item WHERE item MATCH '" + word + "'");
  };
  EXPECT_EQ(count("ham"), Value(int64_t{1}));
  EXPECT_EQ(count("eggs"), Value(int64_t{0}));
  EXPECT_EQ(ReplicaDatabase::ReadActual(rig.path)->tables, replica->table_states());
  rig.LoadAll(*replica);
  EXPECT_TRUE(*replica->TrySwap());
  EXPECT_EQ(count("ham"), Value(int64_t{1}));
  EXPECT_TRUE(rig.Other().Execute("INSERT INTO item(item) VALUES('integrity-check')").ok());
}

TEST(StoredReplicaTest, AFileThatShowsSomethingTakesNoOtherEncoding) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  v1::DatasetSchema other = ApplyRig::ItemSchema();
  other.set_encoding(NameOf(TextEncoding::kUtf16le));
  EXPECT_EQ(ReasonOf(replica->SetDataset(*replica->identity(), v1::Definition(), other)), "OTHER_ENCODING");
  EXPECT_EQ(ReasonOf(replica->BeginStaging(other)), "OTHER_ENCODING");
  rig.Put(ApplyRig::Item(1, int64_t{10}, Text{"still"}));
  ASSERT_EQ(*replica->OfferAll(rig.Unit()), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StoredReplicaTest, OfAnAlteredDatasetReadersSeeTheFormerDefinitionUntilItsSnapshotIsLoaded) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  const DefinitionHash before = rig.definition;
  ReplicaDatabase::Identity altered = *replica->identity();
  altered.definition = rig.definition = rig.random.Identifier<DefinitionHash>();
  ASSERT_TRUE(replica->SetDataset(altered, v1::Definition(), rig.schema()).ok());
  EXPECT_EQ(replica->position()->definition, before);
  const std::vector<Row> seen = rig.Shown();
  replica = rig.Open();
  EXPECT_EQ(replica->identity()->definition, altered.definition);
  EXPECT_EQ(replica->position()->definition, before);
  EXPECT_EQ(rig.Shown(), seen);
  rig.LoadAll(*replica);
  ASSERT_TRUE(*replica->TrySwap());
  EXPECT_EQ(replica->position()->definition, altered.definition);
  ReplicaDatabase::Identity another = altered;
  another.dataset = "another";
  another.definition = before;
  EXPECT_EQ(ReasonOf(replica->SetDataset(another, v1::Definition(), rig.schema())), "OTHER_DEFINITION");
}

TEST(StoredReplicaTest, RefusesAnotherServerAndATableInTheWay) {
  ApplyRig rig;
  auto replica = rig.Open();
  ReplicaDatabase::Identity other = *replica->identity();
  other.server.bytes[0] = 99;
  EXPECT_EQ(ReasonOf(replica->SetDataset(other, v1::Definition(), ApplyRig::ItemSchema())), "OTHER_SERVER");
  ApplyRig busy;
  ASSERT_TRUE((*sqlite::Database::Open(busy.path, {.create = true}))->Execute("CREATE TABLE item(x)").ok());
  ReplicaDatabase::Options options;
  options.path = busy.path;
  auto taken = ReplicaDatabase::Open(options, busy.clock);
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(ReasonOf((*taken)->SetDataset(other, v1::Definition(), ApplyRig::ItemSchema())), "TABLE_IN_THE_WAY");
}

TEST(StoredReplicaTest, AHistoryUnitLeadsOver) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  ASSERT_EQ(*replica->OfferAll(rig.HistoryUnit(rig.lsn.value)), Admission::kApplied);
  EXPECT_EQ(replica->position()->history, rig.history);
  ASSERT_EQ(*replica->OfferAll(rig.HistoryUnit(rig.lsn.value - 1)), Admission::kOtherHistory);
}

}  // namespace
}  // namespace replicast
