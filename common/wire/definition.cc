#include "common/wire/definition.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <set>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/crypto/crypto.h"

namespace replicast::wire {
namespace {

absl::Status Invalid(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID", why);
}

std::string Trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n\f\v";
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// SQLite's names differ by more than the case of ASCII letters.
std::string Folded(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

absl::Status CheckColumns(const v1::TableDefinition& table) {
  if (static_cast<size_t>(table.columns_size()) > limits::kMaxColumns)
    return Invalid("table " + table.name() + " has too many columns");
  std::set<std::string> seen;
  for (const std::string& column : table.columns()) {
    if (column.empty() || column.size() > limits::kMaxNameBytes)
      return Invalid("table " + table.name() + ": a column's name is empty or too long");
    if (column == "*" && table.columns_size() > 1)
      return Invalid("table " + table.name() + ": * stands alone, or columns are named");
    if (!seen.insert(Folded(column)).second)
      return Invalid("table " + table.name() + " names the column " + column + " twice");
  }
  return absl::OkStatus();
}

// `named`: the folded names of the definition's own tables.
absl::Status CheckExcept(const v1::Definition& definition, std::set<std::string> named) {
  if (!definition.except().empty() && !definition.all_tables())
    return Invalid("tables are excepted, but from none: name those that are wanted");
  if (static_cast<size_t>(definition.except_size()) > limits::kMaxTables)
    return Invalid("at most " + std::to_string(limits::kMaxTables) + " tables are excepted");
  for (const std::string& name : definition.except()) {
    if (name.empty() || name.size() > limits::kMaxNameBytes) return Invalid("a table's name is empty or too long");
    if (!named.insert(Folded(name)).second) return Invalid("the table " + name + " is named twice");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Definition> Canonical(const v1::Definition& definition) {
  if (definition.tables().empty() && !definition.all_tables()) return Invalid("a dataset needs at least one table");
  if (static_cast<size_t>(definition.tables_size()) > limits::kMaxTables) {
    return Invalid("a dataset has at most " + std::to_string(limits::kMaxTables) + " tables");
  }
  v1::Definition canonical = definition;
  canonical.DiscardUnknownFields();
  std::set<std::string> seen;
  for (v1::TableDefinition& table : *canonical.mutable_tables()) {
    if (table.name().empty() || table.name().size() > limits::kMaxNameBytes)
      return Invalid("a table's name is empty or too long");
    if (!seen.insert(Folded(table.name())).second) return Invalid("the table " + table.name() + " is named twice");
    table.set_filter(Trimmed(table.filter()));
    if (table.filter().size() > limits::kMaxFilterBytes) {
      return Invalid("the filter of " + table.name() + " is longer than " + std::to_string(limits::kMaxFilterBytes) +
                     " bytes");
    }
    if (table.columns().empty()) table.add_columns("*");
    RETURN_IF_ERROR(CheckColumns(table));
  }
  RETURN_IF_ERROR(CheckExcept(canonical, seen));
  std::sort(canonical.mutable_except()->begin(), canonical.mutable_except()->end());
  std::sort(canonical.mutable_tables()->begin(), canonical.mutable_tables()->end(),
            [](const v1::TableDefinition& a, const v1::TableDefinition& b) { return a.name() < b.name(); });
  return canonical;
}

DefinitionHash HashOf(const v1::Definition& canonical) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    canonical.SerializeToCodedStream(&out);
  }
  const crypto::Sha256Digest hash = crypto::Sha256(bytes);
  return *DefinitionHash::FromBytes({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace replicast::wire
