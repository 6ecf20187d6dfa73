#include "integration_tests/equivalence/table_generator.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <array>

#include "integration_tests/equivalence/expressions.h"
#include "integration_tests/equivalence/values.h"

namespace replicast::equivalence {
namespace {

constexpr size_t kMostKeyColumns = 16;  // that can identify rows

const std::vector<std::string> kTypes = {"",
                                         "INT",
                                         "INTEGER",
                                         "BIGINT",
                                         "UNSIGNED BIG INT",
                                         "TEXT",
                                         "VARCHAR(10)",
                                         "CLOB",
                                         "CHARACTER(20)",
                                         "BLOB",
                                         "REAL",
                                         "DOUBLE PRECISION",
                                         "FLOAT",
                                         "NUMERIC",
                                         "BOOLEAN",
                                         "DATE",
                                         "DECIMAL(10,5)",
                                         "DATETIME",
                                         "STRING",
                                         "ANY",
                                         "FLOATING POINT",
                                         "text",
                                         "Int",
                                         "VARCHAR ( 5 )",
                                         "NATIVE CHARACTER(70)",
                                         "\"my type\"",
                                         "JSON",
                                         "[odd type]"};
const std::vector<std::string> kQuotedTypes = {"\"odd, type\"", "'it''s'", "[a) b]", "\"NOT NULL\"", "`PRIMARY KEY`"};
const std::vector<std::string> kStrictTypes = {"INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY", "any", "text"};

}  // namespace

Table TableGenerator::Make(std::vector<std::string>* ddl, const std::string& name) {
  table_.name = name.empty() ? names_.OfTable() : name;
  table_.without_rowid = dice_.Chance(0.25, "table: WITHOUT ROWID");
  table_.strict = dice_.Chance(0.15, "table: STRICT");
  MakeColumns();
  MakeKey();
  MakeUnique();
  MakeChecks();
  MakeForeignKeys();
  ddl->push_back(CreateTable());
  MakeIndexes(ddl);
  return table_;
}

std::string TableGenerator::TypeOf(bool generated) {
  if (!table_.strict && dice_.Chance(0.03, "type: only possible in quotes")) return dice_.OneOf(kQuotedTypes);
  if (!table_.strict) return dice_.Chance(0.15, "type: none") ? "" : dice_.OneOf(kTypes);
  // An expression gives any class.
  return generated ? "ANY" : dice_.OneOf(kStrictTypes);
}

void TableGenerator::MakeColumns() {
  const size_t kind = dice_.Choose({{"table: one column", 2},
                                    {"table: few columns", 20},
                                    {"table: many columns", 3},
                                    {"table: up to 200 columns", 1}});
  const int count = kind == 0   ? 1
                    : kind == 1 ? dice_.Between(2, 6)
                    : kind == 2 ? dice_.Between(7, 20)
                                : dice_.Between(21, 200);
  const bool strange = dice_.Chance(0.2), generates = kind != 3 && schema_.utf16.empty() && dice_.Chance(0.3);
  std::set<std::string> taken;
  for (int i = 0; i < count; ++i) {
    Column column;
    column.name = names_.OfColumn(&taken, strange);
    const bool generated = i > 0 && generates && dice_.Chance(0.35);
    column.type = TypeOf(generated);
    std::string text = Quoted(dice_, column.name) + (column.type.empty() ? "" : " " + column.type);
    text += Collate(&column);
    table_.columns.push_back(column);
    Column& added = table_.columns.back();
    if (generated) {
      MakeGeneratedColumn(&added, &text);
    } else {
      if (count < 20 && dice_.Chance(0.2, "column: NOT NULL")) {
        added.not_null = true;
        text += " NOT NULL" + OnConflict();
      }
      if (dice_.Chance(0.2)) text += Default(added);
    }
    definitions_.push_back(std::move(text));
  }
  columns_ = definitions_.size();
}

std::string TableGenerator::Collate(Column* column) {
  if (!dice_.Chance(0.25)) return "";
  constexpr std::array<const char*, 4> kNames = {"NOCASE", "RTRIM", "BINARY", "folded"};
  const size_t which = dice_.Choose({{"column: COLLATE NOCASE", 5},
                                     {"column: COLLATE RTRIM", 3},
                                     {"column: COLLATE BINARY", 1},
                                     {"column: the application's own collation", 1}});
  column->collation = kNames[which];
  const std::string name = dice_.Chance(0.2) ? OtherCase(dice_, column->collation) : column->collation;
  return " COLLATE " + (dice_.Chance(0.1) ? "\"" + name + "\"" : name);
}

void TableGenerator::MakeGeneratedColumn(Column* column, std::string* text) {
  std::vector<int> earlier;
  // Of a virtual REAL column SQLite 3.40 makes values that another virtual column's type has no effect on, where they
  // are read from the table: its index has others.
  for (size_t i = 0; i + 1 < table_.columns.size(); ++i) {
    const Column& candidate = table_.columns[i];
    if (candidate.made != Made::kVirtual || AffinityOf(candidate.type) != Affinity::kReal)
      earlier.push_back(static_cast<int>(i));
  }
  if (earlier.empty()) return;
  const bool stored = dice_.Choose({{"column: generated, virtual", 3}, {"column: generated, stored", 2}}) == 1;
  column->made = stored ? Made::kStored : Made::kVirtual;
  if (dice_.Chance(0.5)) *text += " GENERATED ALWAYS";
  *text += " AS (" + Expressions(dice_, table_).Value(earlier, dice_.Between(1, 2)) + ")";
  *text += stored ? " STORED" : dice_.Chance(0.5) ? " VIRTUAL" : "";
}

std::string TableGenerator::Default(const Column& column) {
  const bool text_fits = !table_.strict || AffinityOf(column.type) == Affinity::kText;
  const bool integer_fits = !table_.strict || AffinityOf(column.type) == Affinity::kInteger;
  if (!text_fits && !integer_fits) return "";
  if (!text_fits) return " DEFAULT " + dice_.OneOf({"3", "(abs(-2))", "-1"});
  const size_t kind = dice_.Choose({{"DEFAULT: literal", 5},
                                    {"DEFAULT: expression", 2},
                                    {"DEFAULT: bare word", 1},
                                    {"DEFAULT: CURRENT_TIMESTAMP", 1},
                                    {"DEFAULT: quoted word", 1}});
  if (kind == 2) return " DEFAULT " + dice_.OneOf({"word", "a", "ok", "tru"});
  if (kind == 3)
    return " DEFAULT " + dice_.OneOf({"CURRENT_TIMESTAMP", "current_date", "(datetime('2001-02-03','+1 day'))"});
  if (kind == 4) return " DEFAULT " + dice_.OneOf({"\"word\"", "[a]", "`it`", "'it''s'"});
  if (!integer_fits) return " DEFAULT " + dice_.OneOf({"'a'", "('a' || 'b')", "''"});
  if (kind == 1)
    return " DEFAULT " + dice_.OneOf({"(abs(-2))", "(1 + 1)", "(CAST(x'6100' AS TEXT))", "(-0.0)", "('a' || 'b')"});
  return " DEFAULT " +
         dice_.OneOf({"3", "-1", "+2", "1.5", "'b'", "NULL", "x'61'", "-9223372036854775808", "true", "0x10", "9e999"});
}

std::string TableGenerator::OnConflict() {
  if (!dice_.Chance(0.15, "constraint: ON CONFLICT clause")) return "";
  return " ON CONFLICT " + dice_.OneOf({"REPLACE", "REPLACE", "IGNORE", "FAIL", "ABORT", "ROLLBACK"});
}

void TableGenerator::MakeKey() {
  if (table_.without_rowid) return MakeDeclaredKey();
  switch (dice_.Choose({{"key: none", 4},
                        {"key: INTEGER PRIMARY KEY", 6},
                        {"key: INTEGER PRIMARY KEY DESC, no alias", 1},
                        {"key: declared", 8}})) {
    case 0:
      return ConsiderIdentity(false);
    case 1:
      return MakeAlias();
    case 2:
      return MakeLikeAlias();
    default:
      return MakeDeclaredKey();
  }
}

void TableGenerator::MakeAlias() {
  std::vector<int> places = table_.Places(true);
  const int place = dice_.Chance(0.7) ? places[0] : dice_.OneOf(places);
  Column& column = table_.columns[static_cast<size_t>(place)];
  std::string& text = definitions_[static_cast<size_t>(place)];
  column.type = dice_.OneOf({"INTEGER", "integer", "Integer"});
  text = Quoted(dice_, column.name) + " " + column.type;
  column.collation = "BINARY";
  column.not_null = false;
  switch (dice_.Choose({{"key: alias of the rowid", 5},
                        {"key: alias with AUTOINCREMENT", 2},
                        {"key: alias declared for the table", 1},
                        {"key: alias declared DESC", 1}})) {
    case 0:
      text += " PRIMARY KEY" + dice_.OneOf({"", " ASC"}) + OnConflict() + dice_.OneOf({"", "", " NOT NULL"});
      break;
    case 1:
      text += " PRIMARY KEY AUTOINCREMENT";
      break;
    case 2:
      definitions_.push_back("PRIMARY KEY(" + Name(place) + ")" + OnConflict());
      break;
    default:
      definitions_.push_back("PRIMARY KEY(" + Name(place) + " DESC)");
  }
  table_.key_kind = KeyKind::kRowidAlias;
  table_.key = {place};
  table_.unique.push_back("(" + Name(place) + ")");
  IsNew(table_.key);
}

void TableGenerator::MakeLikeAlias() {
  Column& column = table_.columns[0];
  column.type = "INTEGER";
  column.collation = "BINARY";
  column.not_null = false;
  definitions_[0] = Quoted(dice_, column.name) + " INTEGER PRIMARY KEY DESC";
  table_.key_kind = KeyKind::kDeclared;
  table_.key = {0};
  table_.unique.push_back("(" + Name(0) + ")");
  table_.unique_columns.push_back(0);
  IsNew(table_.key);
  ConsiderIdentity(false);
}

TableGenerator::Term TableGenerator::TermOf(int place) {
  Term term;
  const Column& column = table_.column(place);
  term.text = Name(place);
  std::string collation = column.collation;
  if (dice_.Chance(0.15, "key or index: another collation than the column's")) {
    collation = dice_.OneOf({"NOCASE", "RTRIM", "BINARY", "nocase"});
    if (dice_.Chance(0.1)) collation = "folded";
    term.text += " COLLATE " + collation;
  }
  term.as_declared = absl::AsciiStrToUpper(collation) == absl::AsciiStrToUpper(column.collation);
  term.own_collation = collation == "folded";
  term.descending = dice_.Chance(0.15, "key or index: DESC");
  if (term.descending) term.text += " DESC";
  return term;
}

void TableGenerator::MakeDeclaredKey() {
  std::vector<int> places = table_.Places(true);
  const size_t most = dice_.Choose({{"key: of one column", 5}, {"key: of up to four", 4}, {"key: of up to 16", 1}});
  table_.key = dice_.Some(places, most == 0 ? 1 : most == 1 ? 4 : 16);
  if (most == 2 && places.size() > 16 && dice_.Chance(0.2, "key: of more than 16")) table_.key = places;
  IsNew(table_.key);
  table_.key_kind = KeyKind::kDeclared;
  bool identifies = table_.key.size() <= kMostKeyColumns, plain = true;
  std::vector<std::string> terms;
  const bool nulls = !table_.without_rowid && !table_.strict && dice_.Chance(0.25, "key: can hold NULL");
  for (const int place : table_.key) {
    Column& column = table_.columns[static_cast<size_t>(place)];
    // It would be an alias.
    if (!table_.without_rowid && table_.key.size() == 1 && absl::AsciiStrToUpper(column.type) == "INTEGER") {
      column.type = "INT";
      std::string& text = definitions_[static_cast<size_t>(place)];
      text = Quoted(dice_, column.name) + " INT" + (column.collation == "BINARY" ? "" : " COLLATE " + column.collation);
      if (column.not_null) text += " NOT NULL";
    }
    if (!nulls && !column.not_null) {
      definitions_[static_cast<size_t>(place)] += table_.without_rowid ? "" : " NOT NULL";
      column.not_null = true;
    }
    const Term term = TermOf(place);
    terms.push_back(term.text);
    plain &= term.as_declared;
    identifies &= !term.own_collation;
    if (!table_.without_rowid) identifies &= column.not_null && !term.descending;
  }
  const std::string target = "(" + Joined(terms) + ")";
  table_.key_is_plain = plain;
  const bool alone = table_.key.size() == 1 && target == "(" + table_.column(table_.key[0]).name + ")";
  if (!table_.without_rowid && alone && dice_.Chance(0.5)) {
    definitions_[static_cast<size_t>(table_.key[0])] += " PRIMARY KEY" + OnConflict();
  } else {
    definitions_.push_back(dice_.OneOf({"", "CONSTRAINT pk "}) + "PRIMARY KEY" + target + OnConflict());
  }
  std::vector<std::string> names;
  for (const int place : table_.key) names.push_back(Name(place));
  table_.unique.push_back("(" + Joined(names) + ")");
  if (table_.key.size() == 1) table_.unique_columns.push_back(table_.key[0]);
  ConsiderIdentity(identifies);
}

void TableGenerator::ConsiderIdentity(bool key_identifies) {
  if (key_identifies) return;
  table_.by_rowid = !table_.without_rowid;
  size_t hidden = 0;
  for (const Column& column : table_.columns) {
    const std::string name = absl::AsciiStrToLower(column.name);
    hidden += name == "rowid" || name == "oid" || name == "_rowid_" ? 1 : 0;
  }
  table_.unsupported = table_.without_rowid || hidden == 3;
}

std::vector<std::string> TableGenerator::TermTexts(const std::vector<int>& columns) {
  std::vector<std::string> terms;
  for (const int column : columns) terms.push_back(TermOf(column).text);
  return terms;
}

// Two constraints of the same columns must have the same conflict clause.
bool TableGenerator::IsNew(std::vector<int> columns) {
  std::sort(columns.begin(), columns.end());
  return constrained_.insert(columns).second;
}

void TableGenerator::MakeUnique() {
  const int count = dice_.Chance(0.35) ? dice_.Between(1, 2) : 0;
  for (int i = 0; i < count; ++i) {
    const std::vector<int> columns = dice_.Some(table_.Places(false), 2);
    if (!IsNew(columns)) continue;
    std::vector<std::string> names;
    for (const int column : columns) names.push_back(Name(column));
    if (columns.size() == 1) table_.unique_columns.push_back(columns[0]);
    if (columns.size() == 1 && dice_.Chance(0.5, "UNIQUE: of a column")) {
      definitions_[static_cast<size_t>(columns[0])] += " UNIQUE" + OnConflict();
    } else {
      definitions_.push_back(dice_.OneOf({"", "CONSTRAINT \"odd, one\" "}) + "UNIQUE(" + Joined(TermTexts(columns)) +
                             ")" + OnConflict());
      dice_.Note("UNIQUE: of the table");
    }
    table_.unique.push_back("(" + Joined(names) + ")");
  }
}

void TableGenerator::MakeChecks() {
  if (!dice_.Chance(0.2, "table: CHECK")) return;
  const std::string condition = Expressions(dice_, table_).Condition(table_.Places(false), 1);
  // Lets most rows in.
  definitions_.push_back("CHECK (" + condition + dice_.OneOf({" OR 1", " IS NOT 3", " OR 'it''s, )' <> \"(\""}) + ")");
}

void TableGenerator::MakeForeignKeys() {
  if (!dice_.Chance(0.25)) return;
  std::vector<const Table*> parents = {&table_};
  for (const Table& table : schema_.tables) parents.push_back(&table);
  for (int left = dice_.Between(1, 2); left > 0; --left) {
    const Table& parent = *dice_.OneOf(parents);
    if (parent.key_kind == KeyKind::kNone || !parent.key_is_plain) continue;
    const std::vector<int> children = ChildrenOf(parent);
    if (!children.empty()) definitions_.push_back(ForeignKey(parent, children));
  }
}

// A column for each of the parent's key. None: there are no such columns.
std::vector<int> TableGenerator::ChildrenOf(const Table& parent) {
  std::vector<int> left = table_.Places(true), children;
  dice_.Shuffle(&left);
  for (const int place : parent.key) {
    const bool any = dice_.Chance(0.2, "FOREIGN KEY: of any affinity");
    const auto child = std::find_if(left.begin(), left.end(), [&](int candidate) {
      return any || AffinityOf(table_.column(candidate).type) == AffinityOf(parent.column(place).type);
    });
    if (child == left.end()) return {};
    children.push_back(*child);
    left.erase(child);
  }
  return children;
}

std::string TableGenerator::ForeignKey(const Table& parent, const std::vector<int>& children) {
  std::vector<std::string> own, theirs;
  for (size_t i = 0; i < parent.key.size(); ++i) {
    own.push_back(Name(children[i]));
    theirs.push_back(Quoted(dice_, parent.column(parent.key[i]).name));
  }
  std::string text = "FOREIGN KEY(" + Joined(own) + ") REFERENCES " + Quoted(dice_, parent.name);
  if (&parent == &table_) dice_.Note("FOREIGN KEY: to itself");
  if (dice_.Chance(0.8)) text += "(" + Joined(theirs) + ")";
  for (const char* event : {" ON DELETE ", " ON UPDATE "}) {
    constexpr std::array<const char*, 5> kActions = {"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"};
    if (dice_.Chance(0.3)) continue;
    text += event;
    text += kActions[dice_.Choose({{"FOREIGN KEY: CASCADE", 5},
                                   {"FOREIGN KEY: SET NULL", 3},
                                   {"FOREIGN KEY: SET DEFAULT", 2},
                                   {"FOREIGN KEY: RESTRICT", 1},
                                   {"FOREIGN KEY: NO ACTION", 1}})];
  }
  if (dice_.Chance(0.3, "FOREIGN KEY: deferred")) text += " DEFERRABLE INITIALLY DEFERRED";
  return text;
}

void TableGenerator::MakeIndexes(std::vector<std::string>* ddl) {
  const int count = dice_.Chance(0.5) ? dice_.Between(1, 2) : 0;
  for (int i = 0; i < count; ++i) {
    const std::vector<int> all = table_.Places(false);
    Expressions expressions(dice_, table_);
    std::vector<std::string> terms;
    std::vector<int> columns;
    for (const int column : dice_.Some(all, 3)) {
      columns.push_back(column);
      if (!schema_.utf16.empty() || !dice_.Chance(0.25, "index: on an expression")) {
        terms.push_back(TermOf(column).text);
        continue;
      }
      columns.push_back(-1);
      terms.push_back(expressions.Value(all, dice_.Between(1, 2)) +
                      dice_.OneOf({"", "", " COLLATE NOCASE", " COLLATE rtrim"}) +
                      dice_.OneOf({"", "", " DESC", " ASC"}));
    }
    const bool unique = dice_.Choose({{"index: plain", 3}, {"index: UNIQUE", 2}}) == 1;
    std::string where;
    if (schema_.utf16.empty() && dice_.Chance(0.25, "index: partial"))
      where = " WHERE " + expressions.Condition(all, dice_.Between(0, 2));
    table_.indexes.push_back(names_.Of("i"));
    ddl->push_back("CREATE " + std::string(unique ? "UNIQUE " : "") + "INDEX " + Quoted(dice_, table_.indexes.back()) +
                   " ON " + Quoted(dice_, table_.name) + dice_.OneOf({"(", " (", " /* , ( */ ("}) + Joined(terms) +
                   ")" + where);
    if (!unique) continue;
    table_.unique.push_back("(" + Joined(terms) + ")" + where);
    if (columns.size() == 1) table_.unique_columns.push_back(columns[0]);
  }
}

std::string TableGenerator::CreateTable() {
  const std::string between =
      dice_.Chance(0.15, "DDL: with comments") ? dice_.OneOf({", -- one, (two\n", ", /* ) ' */ "}) : ", ";
  std::string text = "CREATE TABLE " + Quoted(dice_, table_.name) + dice_.OneOf({"(", " (", "\n( "}) +
                     Joined(definitions_, between) + ")";
  if (table_.without_rowid) text += " WITHOUT ROWID";
  if (table_.strict) text += table_.without_rowid ? ", STRICT" : " STRICT";
  return text;
}

}  // namespace replicast::equivalence
