#include "common/wire/definition.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast::wire {
namespace {

v1::TableDefinition Table(const std::string& name, std::initializer_list<const char*> columns,
                          const std::string& filter = "") {
  v1::TableDefinition table;
  table.set_name(name);
  for (const char* column : columns) table.add_columns(column);
  table.set_filter(filter);
  return table;
}

v1::Definition Of(std::initializer_list<v1::TableDefinition> tables) {
  v1::Definition definition;
  for (const v1::TableDefinition& table : tables) *definition.add_tables() = table;
  return definition;
}

DefinitionHash CanonicalHash(const v1::Definition& definition) {
  const auto canonical = Canonical(definition);
  EXPECT_TRUE(canonical.ok()) << canonical.status();
  return canonical.ok() ? HashOf(*canonical) : DefinitionHash{};
}

void ExpectRefused(const v1::Definition& definition) {
  const auto canonical = Canonical(definition);
  ASSERT_FALSE(canonical.ok()) << definition.ShortDebugString();
  EXPECT_EQ(canonical.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(canonical.status()), "DEFINITION_INVALID");
}

TEST(DefinitionTest, TheOrderOfTablesDoesNotMatter) {
  EXPECT_EQ(CanonicalHash(Of({Table("b", {"*"}), Table("a", {"x"})})),
            CanonicalHash(Of({Table("a", {"x"}), Table("b", {"*"})})));
}

TEST(DefinitionTest, TablesAreSortedByTheBytesOfTheirNames) {
  const auto canonical = Canonical(Of({Table("ä", {}), Table("b", {}), Table("B", {}), Table("a", {})}));
  ASSERT_FALSE(canonical.ok());  // b and B are one table
  const auto sorted = Canonical(Of({Table("ä", {}), Table("b", {}), Table("A", {})}));
  ASSERT_TRUE(sorted.ok());
  EXPECT_EQ(sorted->tables(0).name(), "A");
  EXPECT_EQ(sorted->tables(1).name(), "b");
  EXPECT_EQ(sorted->tables(2).name(), "ä");
}

TEST(DefinitionTest, TheOrderOfColumnsMatters) {
  EXPECT_NE(CanonicalHash(Of({Table("t", {"x", "y"})})), CanonicalHash(Of({Table("t", {"y", "x"})})));
}

TEST(DefinitionTest, NoColumnsMeansEveryColumn) {
  EXPECT_EQ(CanonicalHash(Of({Table("t", {})})), CanonicalHash(Of({Table("t", {"*"})})));
  EXPECT_NE(CanonicalHash(Of({Table("t", {})})), CanonicalHash(Of({Table("t", {"id"})})));
}

TEST(DefinitionTest, FiltersAreTrimmedAndOtherwiseKept) {
  EXPECT_EQ(CanonicalHash(Of({Table("t", {}, " a = 1\n\t")})), CanonicalHash(Of({Table("t", {}, "a = 1")})));
  EXPECT_NE(CanonicalHash(Of({Table("t", {}, "a  = 1")})), CanonicalHash(Of({Table("t", {}, "a = 1")})));
  EXPECT_EQ(CanonicalHash(Of({Table("t", {}, " \r\n\v\f")})), CanonicalHash(Of({Table("t", {})})));
}

TEST(DefinitionTest, TheCanonicalFormOfTheCanonicalFormIsItself) {
  const auto once = Canonical(Of({Table("z", {}, " f "), Table("a", {"q", "p"})}));
  ASSERT_TRUE(once.ok());
  const auto twice = Canonical(*once);
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(once->SerializeAsString(), twice->SerializeAsString());
}

TEST(DefinitionTest, UnknownFieldsDoNotMakeAnotherStream) {
  const std::string unknown = "\x98\x06\x01";  // field 99, varint 1
  v1::TableDefinition table;
  ASSERT_TRUE(table.ParseFromString(Table("t", {"*"}).SerializeAsString() + unknown));
  v1::Definition strange;
  ASSERT_TRUE(strange.ParseFromString(Of({table}).SerializeAsString() + unknown));
  ASSERT_NE(strange.SerializeAsString(), Of({Table("t", {"*"})}).SerializeAsString());
  EXPECT_EQ(CanonicalHash(strange), CanonicalHash(Of({Table("t", {"*"})})));
}

TEST(DefinitionTest, RefusesWhatNamesNothingOrTheSameTwice) {
  ExpectRefused(Of({}));
  ExpectRefused(Of({Table("", {"x"})}));
  ExpectRefused(Of({Table("t", {""})}));
  ExpectRefused(Of({Table("t", {"x"}), Table("T", {"y"})}));
  ExpectRefused(Of({Table("t", {"x", "y", "X"})}));
  ExpectRefused(Of({Table("t", {"*", "x"})}));
}

TEST(DefinitionTest, RefusesWhatPassesABound) {
  const std::string long_name(limits::kMaxNameBytes + 1, 'n');
  ExpectRefused(Of({Table(long_name, {})}));
  ExpectRefused(Of({Table("t", {long_name.c_str()})}));
  ExpectRefused(Of({Table("t", {}, std::string(limits::kMaxFilterBytes + 1, 'f'))}));
  EXPECT_TRUE(Canonical(Of({Table("t", {}, std::string(limits::kMaxFilterBytes, 'f') + "  ")})).ok());
  v1::Definition many;
  for (size_t i = 0; i <= limits::kMaxTables; ++i) *many.add_tables() = Table("t" + std::to_string(i), {});
  ExpectRefused(many);
  many.mutable_tables()->RemoveLast();
  EXPECT_TRUE(Canonical(many).ok());
  v1::Definition wide = Of({Table("t", {})});
  for (size_t i = 0; i <= limits::kMaxColumns; ++i) wide.mutable_tables(0)->add_columns("c" + std::to_string(i));
  ExpectRefused(wide);
}

TEST(DefinitionTest, AWholeDatabaseNeedsNoTableAndItsExceptionsHaveNoOrder) {
  v1::Definition one, two;
  one.set_all_tables(true);
  two.set_all_tables(true);
  for (const char* name : {"a", "b"}) one.add_except(name);
  for (const char* name : {"b", "a"}) two.add_except(name);
  EXPECT_EQ(CanonicalHash(one), CanonicalHash(two));
  two.clear_except();
  EXPECT_NE(CanonicalHash(one), CanonicalHash(two));
}

TEST(DefinitionTest, ExceptionsAreFromAWholeDatabaseAndNamedOnce) {
  v1::Definition definition = Of({Table("t", {"*"})});
  definition.add_except("u");
  ExpectRefused(definition);
  definition.set_all_tables(true);
  EXPECT_TRUE(Canonical(definition).ok());
  definition.add_except("U");
  ExpectRefused(definition);
  definition.mutable_except()->RemoveLast();
  definition.add_except("T");
  ExpectRefused(definition);
  definition.mutable_except()->RemoveLast();
  definition.add_except("");
  ExpectRefused(definition);
}

}  // namespace
}  // namespace replicast::wire
