#include "server/publish/narrowing.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/text_encoding.h"
#include "common/sqlite/row_filter.h"

namespace replicast::publish {
namespace {

absl::Status Invalid(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "NARROWING_INVALID", why);
}

const v1::TableSchema* Find(const v1::DatasetSchema& schema, const std::string& name) {
  const auto found = std::find_if(schema.tables().begin(), schema.tables().end(), [&](const v1::TableSchema& table) {
    return absl::EqualsIgnoreCase(table.name(), name);
  });
  return found == schema.tables().end() ? nullptr : &*found;
}

// What the dataset itself says of the table; a whole database says nothing.
v1::TableDefinition DefinitionOf(const v1::Definition& dataset, const std::string& table) {
  for (const v1::TableDefinition& each : dataset.tables()) {
    if (absl::EqualsIgnoreCase(each.name(), table)) return each;
  }
  v1::TableDefinition whole;
  whole.set_name(table);
  return whole;
}

bool IsAll(const google::protobuf::RepeatedPtrField<std::string>& columns) {
  return columns.empty() || (columns.size() == 1 && columns.Get(0) == "*");
}

absl::Status CheckColumns(const v1::TableSchema& table, const v1::TableDefinition& wanted) {
  if (IsAll(wanted.columns())) return absl::OkStatus();
  for (const std::string& column : wanted.columns()) {
    const auto is_it = [&](const auto& each) { return absl::EqualsIgnoreCase(each.name(), column); };
    if (std::none_of(table.columns().begin(), table.columns().end(), is_it) &&
        std::none_of(table.generated_columns().begin(), table.generated_columns().end(), is_it))
      return Invalid(absl::StrCat("the dataset holds no column ", column, " of table ", table.name()));
  }
  return absl::OkStatus();
}

absl::Status CheckFilter(const v1::TableSchema& table, const std::string& filter, TextEncoding encoding) {
  if (filter.empty()) return absl::OkStatus();
  std::vector<sqlite::FilterColumn> columns;
  for (const auto& column : table.columns()) columns.push_back({column.name(), column.type(), column.collation()});
  for (const auto& column : table.generated_columns())
    columns.push_back({column.name(), column.type(), column.collation()});
  ASSIGN_OR_RETURN(const auto filters, sqlite::RowFilters::Create(columns, encoding));
  return filters->Add(filter).status();
}

std::string Both(const std::string& one, const std::string& other) {
  if (one.empty() || other.empty()) return one.empty() ? other : one;
  return absl::StrCat("(", one, ") AND (", other, ")");
}

}  // namespace

absl::StatusOr<v1::Definition> Narrow(const v1::Definition& dataset, const v1::DatasetSchema& schema,
                                      const v1::Definition& wanted) {
  if (wanted.all_tables()) return Invalid("name the tables that are wanted of the dataset; all of them are all of it");
  const TextEncoding encoding = TextEncodingFromName(schema.encoding()).value_or(TextEncoding::kUtf8);
  v1::Definition narrowed;
  for (const v1::TableDefinition& each : wanted.tables()) {
    const v1::TableSchema* table = Find(schema, each.name());
    if (table == nullptr) return Invalid(absl::StrCat("the dataset holds no table ", each.name()));
    RETURN_IF_ERROR(CheckColumns(*table, each));
    RETURN_IF_ERROR(CheckFilter(*table, each.filter(), encoding));
    v1::TableDefinition definition = DefinitionOf(dataset, each.name());
    if (!IsAll(each.columns())) *definition.mutable_columns() = each.columns();
    definition.set_filter(Both(definition.filter(), each.filter()));
    *narrowed.add_tables() = std::move(definition);
  }
  return narrowed;
}

}  // namespace replicast::publish
