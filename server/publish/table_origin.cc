#include "server/publish/table_origin.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <memory>

#include "common/sqlite/database.h"
#include "common/sqlite/declared_type.h"
#include "common/wire/value_proto.h"

namespace replicast::publish {
namespace {

constexpr int kNone = -1;

int PlaceOf(const v1::TableSchema& table, const v1::ColumnSchema& column) {
  for (int i = 0; i < table.columns_size(); ++i) {
    const v1::ColumnSchema& candidate = table.columns(i);
    if (candidate.rowid() == column.rowid() &&
        (column.rowid() || absl::EqualsIgnoreCase(candidate.name(), column.name())))
      return i;
  }
  return kNone;
}

// Of each column of `now`, its place in `before`.
std::vector<int> MatchColumns(const v1::TableSchema& before, const v1::TableSchema& now) {
  std::vector<int> places;
  std::vector<bool> taken(static_cast<size_t>(before.columns_size()));
  for (const v1::ColumnSchema& column : now.columns()) {
    places.push_back(PlaceOf(before, column));
    if (places.back() != kNone) taken[static_cast<size_t>(places.back())] = true;
  }
  for (int i = 0; i < now.columns_size(); ++i) {
    int& place = places[static_cast<size_t>(i)];
    if (place != kNone || i >= before.columns_size() || taken[static_cast<size_t>(i)]) continue;
    if (now.columns(i).rowid() || before.columns(i).type() != now.columns(i).type()) continue;
    place = i;
    taken[static_cast<size_t>(i)] = true;
  }
  return places;
}

bool SameKey(const v1::TableSchema& before, const v1::TableSchema& now, const std::vector<int>& places) {
  if (before.key_columns_size() != now.key_columns_size()) return false;
  for (int i = 0; i < now.key_columns_size(); ++i) {
    if (places[now.key_columns(i)] != static_cast<int>(before.key_columns(i))) return false;
    if (before.key_collations(i) != now.key_collations(i)) return false;
  }
  return true;
}

// What a row has in the column when nothing was given.
Value DefaultOf(const RelationColumn& column, const Relation& relation) {
  if (column.default_text.empty() || column.kind != ColumnKind::kOrdinary) return std::monostate();
  const auto database = sqlite::Database::Open(":memory:", {.create = true, .encoding = relation.encoding});
  if (!database.ok()) return std::monostate();
  const char* type = sqlite::NameOf(sqlite::AffinityOf(column.type, relation.strict));
  const std::string table = absl::StrCat("CREATE TABLE t(a, c ", type, " DEFAULT ", column.default_text, ")");
  if (!(*database)->Execute(table + "; INSERT INTO t(a) VALUES(0)").ok()) return std::monostate();
  const auto value = (*database)->QueryValue("SELECT c FROM t");
  return value.ok() && *value ? **value : Value();
}

}  // namespace

std::optional<OriginOfTable> OriginOfTable::Guess(const v1::TableSchema& before, const v1::TableSchema& now,
                                                  const Relation& relation) {
  const std::vector<int> places = MatchColumns(before, now);
  if (!SameKey(before, now, places)) return std::nullopt;
  OriginOfTable result;
  result.sources_.assign(static_cast<size_t>(before.columns_size()), kNone);
  result.constants_.resize(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    v1::ColumnOrigin* out = result.origin_.add_columns();
    if (places[i] != kNone) {
      result.sources_[static_cast<size_t>(places[i])] = static_cast<int>(i);
      out->set_column(static_cast<uint32_t>(places[i]));
      continue;
    }
    const std::string& name = now.columns(static_cast<int>(i)).name();
    const auto column = std::find_if(relation.columns.begin(), relation.columns.end(),
                                     [&](const RelationColumn& each) { return each.name == name; });
    const Value constant = column == relation.columns.end() ? Value() : DefaultOf(*column, relation);
    *out->mutable_constant() = wire::ToProto(constant);
    result.constants_[i] = constant;
  }
  result.reversible_ = std::find(result.sources_.begin(), result.sources_.end(), kNone) == result.sources_.end();
  return result;
}

std::optional<Row> OriginOfTable::Before(const Row& published) const {
  if (!BearsOut(published)) return std::nullopt;
  Row before;
  before.reserve(sources_.size());
  for (const int source : sources_) before.push_back(published[static_cast<size_t>(source)]);
  return before;
}

bool OriginOfTable::BearsOut(const Row& published) const {
  for (size_t i = 0; i < constants_.size(); ++i) {
    if (constants_[i] && !(*constants_[i] == published[i])) return false;
  }
  return true;
}

}  // namespace replicast::publish
