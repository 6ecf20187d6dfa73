// Random worlds: tables of many kinds, users' triggers, conflict clauses, rollbacks. What the readings tell must add up
// to exactly what the tables hold, at every boundary; and each rule of the hook, left out, makes worlds fail.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "common/base/errors.h"
#include "common/base/random.h"
#include "server/capture/test_master.h"

namespace replicast::capture {
namespace {

// A rule that the capture is made to forget, by telling it less about the table.
enum class Forget { kNothing, kUnique, kPartial, kExpression, kLooseKey, kRowid, kDefault };

struct Kind {
  std::string ddl;
  std::vector<std::string> key;     // columns to write
  std::vector<std::string> values;  // of each key column: a list, '|' between
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v, w TEXT)", {"id"}, {"1|2|3|4|5|6|7|8|9"}},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v, w TEXT, UNIQUE(u, v) ON CONFLICT REPLACE)",
       {"id"},
       {"1|2|3|4|5|6"}},
      {"CREATE TABLE t(k TEXT COLLATE NOCASE NOT NULL, u INT UNIQUE, v, w TEXT, PRIMARY KEY(k)) WITHOUT ROWID",
       {"k"},
       {"'abc'|'ABC'|'x'|'y'|'Z'|'z'|'é'|x'616263'"}},
      {"CREATE TABLE t(a INT NOT NULL, b TEXT NOT NULL, u INT UNIQUE, v, w TEXT, PRIMARY KEY(a, b))",
       {"a", "b"},
       {"1|2|3|'x'|1.5", "'p'|'q'|'r'|7"}},
      {"CREATE TABLE t(k NOT NULL PRIMARY KEY, u INT, v, w TEXT)",
       {"k"},
       {"1|1.0|'1'|x'31'|0|0.0|-0.0|9007199254740993|9007199254740992.0|''|x''"}},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v, w TEXT); CREATE UNIQUE INDEX p ON t(u) WHERE v IS NOT 4 -- "
       "live",
       {"id"},
       {"1|2|3|4|5|6|7|8|9"}},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT NOT NULL DEFAULT 5 UNIQUE, v, w TEXT)",
       {"id"},
       {"1|2|3|4|5|6|7|8"}},
      {"CREATE TABLE t(k INT NOT NULL PRIMARY KEY, u INT, v, w TEXT) WITHOUT ROWID",
       {"k"},
       {"-9223372036854775808|-9223372036854775808.0|1|1.0|0.0|-0.0|'1'|2.5"}},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, u, v, w TEXT UNIQUE COLLATE RTRIM); CREATE UNIQUE INDEX n ON t(w "
       "COLLATE NOCASE, u)",
       {"id"},
       {"1|2|3|4|5|6|7"}},
      {"CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1),(2),(3),(4),(5),(6); "
       "CREATE TABLE t(k TEXT NOT NULL, u INT REFERENCES p(id) ON DELETE CASCADE ON UPDATE CASCADE, v, w TEXT, PRIMARY "
       "KEY(k, u)) "
       "WITHOUT ROWID",
       {"k", "u"},
       {"'a'|'b'", "1|2|3|4|5|6"}},
      {"CREATE TABLE t(u INT UNIQUE, v, w TEXT)", {"rowid"}, {"1|2|3|4|5|6"}},
      {"CREATE TABLE t(oid TEXT PRIMARY KEY, u INT, v, w TEXT, UNIQUE(w, v))", {"oid"}, {"'a'|'b'|'c'|'d'|NULL|'A'"}},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT NOT NULL DEFAULT (abs(2)), v, w TEXT);"
       "CREATE UNIQUE INDEX e ON t(u % 5, lower(w) DESC) WHERE v > 1",
       {"id"},
       {"1|2|3|4|5|6"}},
      {"CREATE TABLE t(id INTEGER PRIMARY KEY, u INT, v, w TEXT, g INT AS (u % 4) UNIQUE, h TEXT AS (w || v) STORED);"
       "CREATE UNIQUE INDEX e ON t(h COLLATE NOCASE, u)",
       {"id"},
       {"1|2|3|4|5|6"}},
      {"CREATE TABLE t(k TEXT NOT NULL COLLATE NOCASE, u INT, v, w TEXT, PRIMARY KEY(k COLLATE BINARY));"
       "CREATE UNIQUE INDEX e ON t(k COLLATE RTRIM, v)",
       {"k"},
       {"'a'|'A'|'a '|'b'|'B'|x'61'"}},
      {"CREATE TABLE t(k TEXT NOT NULL, u INT NOT NULL DEFAULT word, v, w TEXT, PRIMARY KEY(k COLLATE NOCASE, u))",
       {"k", "u"},
       {"'a'|'A'|'b'|'B'", "1|2|NULL|'word'"}},
  };
  return kinds;
}

class World {
 public:
  World(uint64_t seed, Forget forget) : random_(seed), forget_(forget) {
    kind_ = Kinds()[random_.Below(Kinds().size())];
    master_.Run(kind_.ddl);
    master_.Run(Chance(0.5) ? "PRAGMA recursive_triggers=on" : "PRAGMA recursive_triggers=off");
    master_.Run("PRAGMA foreign_keys=on");
    if (Chance(0.5)) AddUsersTriggers();
    CaptureIt();
    // Also later ones, which would fire before ours.
    if (Chance(0.3)) {
      AddUsersTriggers();
      CaptureIt();
    }
    tail_ = master_.Read()->newest();
  }

  // False when what the readings told differs from the table.
  bool LiveThrough() {
    for (uint64_t left = 15 + random_.Below(60); left > 0; --left) {
      Transaction();
      if (Chance(0.5) && !Drain()) return false;
    }
    return Drain();
  }

  const std::string& difference() const { return difference_; }

 private:
  bool Chance(double probability) { return random_.Unit() < probability; }

  std::string OneOf(const std::string& list) {
    const auto count = static_cast<uint64_t>(std::count(list.begin(), list.end(), '|')) + 1;
    size_t at = 0;
    for (uint64_t skip = random_.Below(count); skip > 0; --skip) at = list.find('|', at) + 1;
    return list.substr(at, list.find('|', at) - at);
  }

  void AddUsersTriggers() {
    const std::string n = std::to_string(++triggers_);
    if (Chance(0.4)) {
      master_.Run("CREATE TRIGGER users_update" + n +
                  " AFTER UPDATE OF v ON t WHEN NEW.v IS NOT 77 BEGIN UPDATE t SET w='t'||NEW.v WHERE u=NEW.u; END");
    }
    std::string columns = "v,w", values = "4,OLD.w";
    for (const std::string& key : kind_.key) {
      columns += "," + key;
      values += ",OLD." + key;
    }
    if (kind_.key.back() != "u") {
      columns += ",u";
      values += ",OLD.u";
    }
    if (Chance(0.3)) {
      master_.Run("CREATE TRIGGER users_delete" + n +
                  " AFTER DELETE ON t WHEN OLD.v%7=3 BEGIN INSERT OR IGNORE INTO t(" + columns + ") VALUES(" + values +
                  "); END");
    }
    if (Chance(0.2)) {
      master_.Run("CREATE TRIGGER users_ignore" + n +
                  " AFTER UPDATE ON t WHEN NEW.v=5 BEGIN SELECT RAISE(IGNORE); END");
    }
    if (Chance(0.3)) {
      master_.Run("CREATE TRIGGER users_before" + n +
                  " BEFORE INSERT ON t WHEN NEW.v=2 BEGIN UPDATE OR IGNORE t SET u=NEW.u, v=9 " + "WHERE v=1; END");
    }
  }

  void CaptureIt() {
    auto relation = master_.source().Describe("t");
    ASSERT_TRUE(relation.ok()) << relation.status();
    relation->id = 7;
    std::erase_if(relation->indexes, [&](const RelationIndex& index) {
      const bool expression =
          std::any_of(index.terms.begin(), index.terms.end(), [](const IndexTerm& term) { return term.column < 0; });
      if (forget_ == Forget::kExpression) return expression;
      return forget_ == Forget::kPartial ? !index.where.empty() : forget_ == Forget::kUnique && index.where.empty();
    });
    if (forget_ == Forget::kRowid) relation->without_rowid = true;
    if (forget_ == Forget::kDefault) {
      for (RelationColumn& column : relation->columns) column.default_text.clear();
    }
    if (forget_ == Forget::kLooseKey) {
      for (const int place : relation->key) relation->columns[static_cast<size_t>(place)].type = "TEXT";
    }
    const absl::Status captured = master_.source().Capture({*relation}).status();
    ASSERT_TRUE(captured.ok()) << captured;
    relation_ = *relation;
  }

  std::string Assignments() {
    std::string text;
    for (size_t i = 0; i < kind_.key.size(); ++i)
      text += (i == 0 ? "" : ",") + kind_.key[i] + "=" + OneOf(kind_.values[i]);
    return text;
  }

  std::string Insert(const std::string& conflict) {
    std::string names, values;
    const bool keyed = kind_.key != std::vector<std::string>{"id"} || Chance(0.8);
    for (size_t i = 0; keyed && i < kind_.key.size(); ++i) {
      names += kind_.key[i] + ",";
      values += OneOf(kind_.values[i]) + ",";
    }
    if (kind_.key.back() != "u") {
      names += "u,";
      values += (Chance(0.1) ? "NULL" : std::to_string(random_.Below(9))) + ",";
    }
    if (Chance(0.2) && kind_.key[0] != "id" && relation_.without_rowid == false) {
      names += "rowid,";
      values += std::to_string(random_.Below(6)) + ",";
    }
    const std::string w = OneOf("'a'|'a '|'A'|'1'|'b1'|'ABC'|NULL");
    return "INSERT " + conflict + " INTO t(" + names + "v,w) VALUES(" + values + std::to_string(random_.Below(8)) +
           "," + w + ")";
  }

  std::string Statement() {
    const std::string conflict = OneOf("|OR REPLACE|OR REPLACE|OR REPLACE|OR IGNORE|OR FAIL|OR ROLLBACK");
    const std::string u = std::to_string(random_.Below(9)), other = std::to_string(random_.Below(9)),
                      v = std::to_string(random_.Below(8));
    const std::string update = "UPDATE " + conflict + " t SET ";
    switch (random_.Below(16)) {
      case 0:
        return update + "u=u+1 WHERE v<" + v;
      case 1:
        return update + "v=" + v + ",u=" + u + " WHERE u=" + other;
      case 2:
        return update + Assignments() + " WHERE u=" + u;
      case 3:
        return update + "v=" + v + " WHERE u<" + u;
      case 4:
        return update + (kind_.key[0] == "id" ? "rowid=" : "_rowid_=") + u + " WHERE u=" + other;
      case 5:
        return update + "u=NULL, v=" + v + " WHERE u=" + u;
      case 6:
        return "DELETE FROM t WHERE u=" + u;
      case 7:
        return Chance(0.3) ? "DELETE FROM t" : "DELETE FROM t WHERE v=" + v;
      case 8:
        return Insert("") + " ON CONFLICT DO UPDATE SET w=excluded.w";
      case 9:
        return Chance(0.5) ? "DELETE FROM p WHERE id=" + u : "INSERT INTO p VALUES(" + u + ")";
      case 10:
        return "UPDATE p SET id=" + u + " WHERE id=" + other;
      case 11:
        return update + "u=-u WHERE u IN(" + u + "," + other + ")";
      default:
        return Insert(conflict);
    }
  }

  // Statements may well fail: constraints, and tables and rowids that this world doesn't have.
  void Transaction() {
    master_.Run("BEGIN");
    for (uint64_t left = std::vector<uint64_t>{1, 1, 2, 8}[random_.Below(4)]; left > 0; --left) {
      const std::string sql = Statement();
      const absl::Status status = master_.writer().Execute(sql);
      since_.push_back(sql + (status.ok() ? "" : "  -- fails"));
      const std::string reason = ReasonOf(status);
      EXPECT_TRUE(status.ok() || reason == "DATABASE_CONSTRAINT" || reason == "DATABASE_ERROR")
          << sql << ": " << status;
      if (!master_.writer().InTransaction()) return;
    }
    master_.Run(Chance(0.1) ? "ROLLBACK" : "COMMIT");
  }

  bool Drain() {
    const auto reading = master_.Read(tail_);
    EXPECT_EQ(reading->past(), Past::kSame);
    EXPECT_TRUE(reading->changes().empty());
    absl::Status status =
        reading->ForEachTouched(tail_.number, [&](const Relation& relation, const Row& key, const Row* row) {
          const std::string encoded = EncodeOrderedKey(key, relation.key_collations);
          if (row == nullptr) {
            rows_.erase(encoded);
          } else {
            rows_[encoded] = *row;
          }
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    tail_ = reading->newest();
    std::map<std::string, Row> actual;
    std::string last;
    status = reading->ForEachRow(relation_, nullptr, [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
      const std::string encoded = EncodeOrderedKey(key, relation_.key_collations);
      EXPECT_LT(last, encoded);
      last = encoded;
      actual[encoded] = row;
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    if (rows_ == actual) {
      since_.clear();
      return true;
    }
    Describe(actual);
    return false;
  }

  void Describe(const std::map<std::string, Row>& actual) {
    difference_ = kind_.ddl;
    const auto add = [&](const char* what, const std::map<std::string, Row>& some,
                         const std::map<std::string, Row>& others) {
      for (const auto& [key, row] : some) {
        const auto other = others.find(key);
        if (other == others.end() || other->second != row) difference_ += std::string("\n") + what + Display(row);
      }
    };
    add("told: ", rows_, actual);
    add("is: ", actual, rows_);
    for (const std::string& sql : since_) difference_ += "\n" + sql;
  }

  SeededRandom random_;
  Forget forget_;
  TestMaster master_;
  Kind kind_;
  Relation relation_;
  Tail tail_;
  std::map<std::string, Row> rows_;
  int triggers_ = 0;
  std::vector<std::string> since_;  // statements since the last drain
  std::string difference_;
};

TEST(CaptureWorldsTest, ReadingsTellEveryChangeOfEveryTable) {
  for (uint64_t seed = 0; seed < 250; ++seed) {
    World world(seed, Forget::kNothing);
    ASSERT_TRUE(world.LiveThrough()) << "seed " << seed << "\n" << world.difference();
  }
}

class CaptureWithoutTest : public ::testing::TestWithParam<Forget> {};

TEST_P(CaptureWithoutTest, MissesChanges) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    World world(seed, GetParam());
    if (!world.LiveThrough()) return;
  }
  FAIL() << "no world failed: the rule is needless, or these worlds don't try it";
}

INSTANTIATE_TEST_SUITE_P(EachRule, CaptureWithoutTest,
                         ::testing::Values(Forget::kUnique, Forget::kPartial, Forget::kExpression, Forget::kLooseKey,
                                           Forget::kRowid, Forget::kDefault));

}  // namespace
}  // namespace replicast::capture
