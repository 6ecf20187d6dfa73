#include "common/sqlite/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"

namespace replicast::sqlite {
namespace {

using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static std::unique_ptr<Database> Create(const std::string& path) {
    auto database = Database::Open(path, {.create = true});
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }
  static Value Query(Database& database, const std::string& sql) {
    const auto value = database.QueryValue(sql);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() && *value ? **value : Value{};
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
};

TEST_F(DatabaseTest, StoresEveryStorageClassExactly) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a, b, c, d, e, f, g)").ok());
  const Row row = {std::monostate{},           int64_t{INT64_MIN}, Real{-0.0}, Text{std::string("a\0b", 3)},
                   Blob{std::string("\0", 1)}, Text{""},           Blob{""}};
  {
    auto insert = database->Prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)");
    ASSERT_TRUE(insert.ok());
    for (int i = 0; i < 7; ++i) insert->Bind(i + 1, row[static_cast<size_t>(i)]);
    ASSERT_TRUE(insert->Run().ok());
  }
  auto select = database->Prepare("SELECT * FROM t");
  ASSERT_TRUE(select.ok());
  ASSERT_TRUE(*select->Step());
  EXPECT_EQ(select->ColumnCount(), 7);
  EXPECT_EQ(select->Columns(0, 7), row);
  EXPECT_EQ(select->Columns(3, 2), (Row{row[3], row[4]}));
  EXPECT_TRUE(select->IsNull(0));
  EXPECT_FALSE(select->IsNull(6));
  EXPECT_EQ(select->Int(1), INT64_MIN);
  EXPECT_EQ(select->Bytes(3), std::string("a\0b", 3));
  EXPECT_FALSE(*select->Step());
}

TEST_F(DatabaseTest, GivesUtf8FromUtf16DatabasesAndTheirOwnBytesAsValues) {
  for (const TextEncoding encoding : {TextEncoding::kUtf16le, TextEncoding::kUtf16be}) {
    const std::string path = Path(std::string(NameOf(encoding)) + ".db");
    auto database = *Database::Open(path, {.create = true, .encoding = encoding});
    ASSERT_TRUE(database->Execute("CREATE TABLE t(a); INSERT INTO t VALUES ('naïve')").ok());
    database = *Database::Open(path, {});
    EXPECT_EQ(database->encoding(), encoding);
    EXPECT_EQ(**database->QueryText("SELECT a FROM t"), "naïve");
    EXPECT_EQ(Query(*database, "SELECT a FROM t"), Value(Text{FromUtf8("naïve", encoding)}));
  }
}

TEST_F(DatabaseTest, TextsOfUtf16DatabasesAreStoredByteForByteWhateverTheyBeginWith) {
  using namespace std::string_literals;
  for (const TextEncoding encoding : {TextEncoding::kUtf16le, TextEncoding::kUtf16be}) {
    auto database = *Database::Open(":memory:", {.create = true, .encoding = encoding});
    ASSERT_TRUE(database->Execute("CREATE TABLE t(a)").ok());
    Statement insert = *database->Prepare("INSERT INTO t VALUES(?1)");
    Statement find = *database->Prepare("SELECT a FROM t WHERE a IS ?1");
    for (const std::string& bytes : {""s, "a\0"s, "\0a"s, "\xff\xfe\x61\0"s, "\xfe\xff\0\x61"s, "\xff\xfe"s,
                                     "\xff\xfe\xff\xfe"s, "\0\xd8"s, "\xd8\0"s, "abc"s, "a"s, "\0\0\0\0"s}) {
      const Value text = Text{bytes};
      ASSERT_TRUE(database->Execute("DELETE FROM t").ok());
      ASSERT_TRUE(insert.Bind(1, text).Run().ok());
      EXPECT_EQ(Query(*database, "SELECT a FROM t"), text);
      ASSERT_TRUE(*find.BindView(1, text).Step());
      EXPECT_EQ(find.Column(0), text);
      find.Reset();
    }
  }
}

TEST_F(DatabaseTest, ADatabaseThatWasEmptiedTakesAnotherEncoding) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES ('a')").ok());
  ASSERT_TRUE(database->Empty().ok());
  auto anew = *Database::Open(Path("a.db"), {.create = true, .encoding = TextEncoding::kUtf16le});
  database.reset();
  ASSERT_TRUE(anew->Execute("CREATE TABLE u(a); INSERT INTO u VALUES ('a')").ok());
  EXPECT_EQ(anew->encoding(), TextEncoding::kUtf16le);
  EXPECT_EQ(Query(*anew, "SELECT a FROM u"), Value(Text{std::string("a\0", 2)}));
  EXPECT_EQ(Query(*anew, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), Value(int64_t{0}));
}

TEST_F(DatabaseTest, RunsAStatementAgainAfterItsEnd) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a)").ok());
  auto insert = database->Prepare("INSERT INTO t VALUES (?)");
  for (int64_t i = 0; i < 3; ++i) ASSERT_TRUE(insert->BindInt(1, i).Run().ok());
  EXPECT_EQ(database->LastInsertRowid(), 3);
  EXPECT_EQ(database->Changes(), 1);
  EXPECT_EQ(Query(*database, "SELECT sum(a) FROM t"), Value(int64_t{3}));
}

TEST_F(DatabaseTest, ResetForgetsWhatWasBound) {
  auto database = Create(Path("a.db"));
  auto select = database->Prepare("SELECT ?");
  select->BindText(1, "x");
  ASSERT_TRUE(*select->Step());
  select->Reset();
  ASSERT_TRUE(*select->Step());
  EXPECT_TRUE(select->IsNull(0));
}

TEST_F(DatabaseTest, MovesAStatement) {
  auto database = Create(Path("a.db"));
  Statement first = *database->Prepare("SELECT 1");
  Statement second = *database->Prepare("SELECT 2");
  second = std::move(first);
  ASSERT_TRUE(*second.Step());
  EXPECT_EQ(second.Int(0), 1);
}

TEST_F(DatabaseTest, ExecutesSeveralStatementsAndComments) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a); -- one\nINSERT INTO t VALUES (7);\n/* two */ ;; \n").ok());
  EXPECT_EQ(Query(*database, "SELECT a FROM t"), Value(int64_t{7}));
}

TEST_F(DatabaseTest, StopsAtTheFirstStatementThatFails) {
  auto database = Create(Path("a.db"));
  const absl::Status status = database->Execute("CREATE TABLE t(a); INSERT INTO nowhere VALUES (1); CREATE TABLE u(a)");
  EXPECT_EQ(ReasonOf(status), "DATABASE_ERROR");
  EXPECT_THAT(std::string(status.message()), HasSubstr("no such table: nowhere"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(Path("a.db")));
  EXPECT_EQ(Query(*database, "SELECT count(*) FROM sqlite_schema"), Value(int64_t{1}));
}

TEST_F(DatabaseTest, TellsNoRowFromNull) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a)").ok());
  EXPECT_FALSE((*database->QueryValue("SELECT a FROM t")).has_value());
  EXPECT_EQ(*database->QueryValue("SELECT NULL"), std::optional<Value>(Value{}));
}

TEST_F(DatabaseTest, RefusesToPrepareNothing) {
  auto database = Create(Path("a.db"));
  EXPECT_EQ(ReasonOf(database->Prepare("  -- nothing").status()), "DATABASE_ERROR");
}

TEST_F(DatabaseTest, DoesNotCreateUnlessAsked) {
  const auto database = Database::Open(Path("missing.db"), {});
  EXPECT_EQ(ReasonOf(database.status()), "DATABASE_CANNOT_OPEN");
  EXPECT_EQ(ExitCodeFor(database.status()), ExitCode::kMachine);
  EXPECT_FALSE(std::filesystem::exists(Path("missing.db")));
}

TEST_F(DatabaseTest, SaysThatAFileIsNoDatabase) {
  std::ofstream(Path("notes.txt")) << std::string(4096, 'x');
  EXPECT_EQ(ReasonOf(Database::Open(Path("notes.txt"), {}).status()), "NOT_A_DATABASE");
  EXPECT_EQ(ReasonOf(Database::Open(folder_, {}).status()), "NOT_A_DATABASE");
}

TEST_F(DatabaseTest, SaysThatADatabaseIsDamaged) {
  Create(Path("a.db"))->Execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)").IgnoreError();
  {
    std::fstream file(Path("a.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(4096, '\x7f');
  }
  auto database = Database::Open(Path("a.db"), {});
  ASSERT_TRUE(database.ok());
  EXPECT_EQ(ReasonOf((*database)->QueryValue("SELECT a FROM t").status()), "DATABASE_CORRUPT");
}

TEST_F(DatabaseTest, SaysThatAnotherHoldsTheLock) {
  auto holder = Create(Path("a.db"));
  ASSERT_TRUE(holder->Execute("CREATE TABLE t(a); BEGIN EXCLUSIVE").ok());
  auto other = Database::Open(Path("a.db"), {.busy_timeout = absl::ZeroDuration()});
  EXPECT_EQ(ReasonOf(other.status()), "DATABASE_BUSY");
}

TEST_F(DatabaseTest, SaysThatTheDiskIsFull) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a); PRAGMA max_page_count = 3").ok());
  const absl::Status status = database->Execute("INSERT INTO t VALUES (zeroblob(100000))");
  EXPECT_EQ(ReasonOf(status), "DATABASE_FULL");
  EXPECT_THAT(std::string(status.message()), HasSubstr("free some space"));
}

TEST_F(DatabaseTest, TellsConstraintsApart) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a PRIMARY KEY); INSERT INTO t VALUES (1)").ok());
  const absl::Status status = database->Execute("INSERT INTO t VALUES (1)");
  EXPECT_EQ(ReasonOf(status), "DATABASE_CONSTRAINT");
  EXPECT_THAT(std::string(status.message()), HasSubstr("UNIQUE constraint failed: t.a"));
  EXPECT_EQ(ReasonOf(database->LastError()), "DATABASE_CONSTRAINT");
}

TEST_F(DatabaseTest, ReadsAWalDatabaseWithoutBeingAbleToWriteIt) {
  auto writer = Create(Path("a.db"));
  ASSERT_TRUE(writer->Execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (5)").ok());
  auto reader = Database::Open(Path("a.db"), {.read_only = true, .no_checkpoint_on_close = true});
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(Query(**reader, "SELECT a FROM t"), Value(int64_t{5}));
  EXPECT_EQ(ReasonOf((*reader)->Execute("INSERT INTO t VALUES (6)")), "DATABASE_READ_ONLY");
}

TEST_F(DatabaseTest, TheLastToCloseLeavesTheWalAloneWhenAskedTo) {
  const auto wal_bytes_after_close = [&](const std::string& name, bool no_checkpoint_on_close) {
    auto writer = Create(Path(name));
    EXPECT_TRUE(writer->Execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (5)").ok());
    auto reader = *Database::Open(Path(name), {.read_only = true, .no_checkpoint_on_close = no_checkpoint_on_close});
    EXPECT_EQ(Query(*reader, "SELECT a FROM t"), Value(int64_t{5}));
    writer.reset();
    reader.reset();
    return std::filesystem::exists(Path(name + "-wal")) ? std::filesystem::file_size(Path(name + "-wal")) : 0;
  };
  EXPECT_GT(wal_bytes_after_close("a.db", true), 0u);
  EXPECT_EQ(wal_bytes_after_close("b.db", false), 0u);
}

TEST_F(DatabaseTest, ATransactionThatIsDroppedLeavesNothing) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a)").ok());
  {
    auto transaction = Transaction::Begin(*database);
    ASSERT_TRUE(transaction.ok());
    EXPECT_TRUE(database->InTransaction());
    ASSERT_TRUE(database->Execute("INSERT INTO t VALUES (1)").ok());
  }
  EXPECT_FALSE(database->InTransaction());
  EXPECT_EQ(Query(*database, "SELECT count(*) FROM t"), Value(int64_t{0}));
}

TEST_F(DatabaseTest, ATransactionThatIsCommittedStays) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database->Execute("CREATE TABLE t(a)").ok());
  {
    auto transaction = Transaction::Begin(*database, Transaction::Kind::kDeferred);
    Transaction moved = *std::move(transaction);
    ASSERT_TRUE(database->Execute("INSERT INTO t VALUES (1)").ok());
    ASSERT_TRUE(moved.Commit().ok());
  }
  EXPECT_EQ(Query(*database, "SELECT count(*) FROM t"), Value(int64_t{1}));
}

TEST_F(DatabaseTest, ACommitThatFailsIsRolledBack) {
  auto database = Create(Path("a.db"));
  ASSERT_TRUE(database
                  ->Execute("PRAGMA foreign_keys = 1; CREATE TABLE p(a PRIMARY KEY);"
                            "CREATE TABLE c(a REFERENCES p(a) DEFERRABLE INITIALLY DEFERRED)")
                  .ok());
  {
    auto transaction = Transaction::Begin(*database);
    ASSERT_TRUE(database->Execute("INSERT INTO c VALUES (1)").ok());
    EXPECT_EQ(ReasonOf(transaction->Commit()), "DATABASE_CONSTRAINT");
  }
  EXPECT_FALSE(database->InTransaction());
  EXPECT_EQ(Query(*database, "SELECT count(*) FROM c"), Value(int64_t{0}));
}

TEST_F(DatabaseTest, ReadsAFileThatCannotBeWritten) {
  Create(Path("a.db"))->Execute("CREATE TABLE t(a); INSERT INTO t VALUES (5)").IgnoreError();
  ASSERT_EQ(chmod(Path("a.db").c_str(), 0400), 0);
  auto reader = Database::Open(Path("a.db"), {.read_only = true});
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(Query(**reader, "SELECT a FROM t"), Value(int64_t{5}));
  EXPECT_EQ(ReasonOf((*reader)->Execute("INSERT INTO t VALUES (6)")), "DATABASE_READ_ONLY");
}

TEST_F(DatabaseTest, AMisspelledNameInAReadIsAnErrorAndNoString) {
  Create(Path("a.db"))->Execute("CREATE TABLE t(a); INSERT INTO t VALUES (5)").IgnoreError();
  auto reader = Database::Open(Path("a.db"), {.read_only = true});
  ASSERT_TRUE(reader.ok());
  EXPECT_FALSE((*reader)->QueryValue("SELECT \"gone\" FROM t").ok());
}

TEST(QuoteTest, DoublesQuotes) {
  EXPECT_EQ(QuoteIdentifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(QuoteText("it's"), "'it''s'");
}

TEST_F(DatabaseTest, ANulInSqlIsRefusedAndDoesNotKeepExecuteBusyForEver) {
  const auto database = *Database::Open(":memory:", {.create = true});
  const std::string_view sql("CREATE TABLE t(a); \0 DROP TABLE t", 33);
  EXPECT_EQ(ReasonOf(database->Execute(sql)), "DATABASE_ERROR");
  EXPECT_EQ(ReasonOf(database->Prepare(sql).status()), "DATABASE_ERROR");
}

}  // namespace
}  // namespace replicast::sqlite
