#include "client/apply/key_range.h"

#include <optional>
#include <utility>

#include "client/apply/replica_schema.h"
#include "common/base/errors.h"

namespace replicast {

std::vector<Collation> KeyCollations(const v1::TableSchema& table) {
  std::vector<Collation> collations;
  for (const std::string& name : table.key_collations())
    collations.push_back(CollationFromName(name).value_or(Collation::kBinary));
  collations.resize(static_cast<size_t>(table.key_columns_size()), Collation::kBinary);
  return collations;
}

absl::Status ForEachRow(
    sqlite::Database& database, const v1::TableSchema& table, const KeyRange& range,
    const std::function<absl::StatusOr<bool>(std::string key, const sqlite::Statement& row)>& visit) {
  const std::vector<Collation> collations = KeyCollations(table);
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   database.Prepare(SelectRangeSql(table, table.name(), !range.after.empty())));
  if (!range.after.empty()) {
    const std::optional<Row> after = DecodeOrderedKey(range.after, collations.size());
    if (!after) return Error(absl::StatusCode::kInvalidArgument, "KEY_MALFORMED", "a key of a range is malformed");
    for (size_t i = 0; i < after->size(); ++i) select.Bind(static_cast<int>(i + 1), (*after)[i]);
  }
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return absl::OkStatus();
    Row key;
    for (const uint32_t place : table.key_columns()) key.push_back(select.Column(static_cast<int>(place)));
    std::string encoded = EncodeOrderedKey(key, collations);
    if (!range.through.empty() && encoded > range.through) return absl::OkStatus();
    ASSIGN_OR_RETURN(const bool on, visit(std::move(encoded), select));
    if (!on) return absl::OkStatus();
  }
}

}  // namespace replicast
