#include "integration_tests/equivalence/sqldiff.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace replicast::equivalence {
namespace {

std::string ForShell(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

bool IsOfIndex(absl::string_view line) {
  return absl::StartsWith(line, "CREATE INDEX") || absl::StartsWith(line, "CREATE UNIQUE INDEX") ||
         absl::StartsWith(line, "DROP INDEX");
}

}  // namespace

bool HasSqldiff() {
  static const bool has = std::system("command -v sqldiff >/dev/null 2>&1") == 0;
  return has;
}

bool SuitsSqldiff(const TableFacts& master) {
  const bool plain = std::all_of(master.columns.begin(), master.columns.end(), [](const TableFacts::Column& column) {
    return column.hidden == 0 && IsBuiltIn(column.collation);
  });
  const bool declares_key = std::any_of(master.columns.begin(), master.columns.end(),
                                        [](const TableFacts::Column& column) { return column.key_rank > 0; });
  return plain && !absl::StartsWith(master.sql, "CREATE VIRTUAL") && master.refusal.empty() &&
         !(master.by_rowid && declares_key) && master.name.find('\n') == std::string::npos;
}

absl::StatusOr<std::string> RunSqldiff(const std::string& master, const std::string& replica, const TableFacts& table) {
  const std::string command =
      absl::StrCat("sqldiff ", table.by_rowid ? "" : "--primarykey ", "--table ", ForShell(table.name), " ",
                   ForShell(master), " ", ForShell(replica), " 2>&1");
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return absl::InternalError("sqldiff could not be started");
  std::string text;
  std::array<char, 4096> buffer{};
  for (size_t size = 0; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), size);
  const int code = pclose(pipe);
  std::string told;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (!IsOfIndex(line)) absl::StrAppend(&told, line, "\n");
  }
  if (code != 0) absl::StrAppend(&told, "sqldiff ended with ", code, "\n");
  return told;
}

}  // namespace replicast::equivalence
