// Feeds the CLI's arguments about datasets, a line each: --table, --where, --all, --except, a
// duration, a position.
// Oracle: a wrong one is refused as wrong usage; a definition written as arguments again reads the same; a duration
// that is accepted is more than nothing; a position keeps its text.
#include "client/cli/definition_arguments.h"
#include "common/base/errors.h"
#include "common/base/lsn.h"
#include "common/wire/definition.h"
#include "tools/fuzzers/fuzz_input.h"

namespace replicast::fuzz {

std::vector<std::string> Seeds() {
  return {"tpackage:id,name\ntother\nwpackage=id > 5\n", "d30s\nd90\nd1h30m\n",
          "p000102030405060708090a0b0c0d0e0f/812.3\np000102030405060708090A0B0C0D0E0F/0\n", "a\nesessions\nta:x\n",
          "ta:x,,y\nwa=1\nwa=2\ntb\nt:\n"};
}

namespace {

struct Arguments {
  cli::DefinitionArguments definition;
  std::vector<std::string> durations, positions;
};

Arguments ArgumentsIn(const std::string& text) {
  Arguments arguments;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) continue;
    arguments.definition.all_tables |= line[0] == 'a';
    std::vector<std::string>& list = line[0] == 't'   ? arguments.definition.tables
                                     : line[0] == 'w' ? arguments.definition.filters
                                     : line[0] == 'e' ? arguments.definition.except
                                     : line[0] == 'd' ? arguments.durations
                                                      : arguments.positions;
    list.push_back(line.substr(1));
  }
  return arguments;
}

void CheckUsage(const absl::Status& status) { REPLICAST_CHECK(ExitCodeFor(status) == ExitCode::kUsage); }

void CheckDefinition(const Arguments& arguments) {
  const auto definition = cli::ParseDefinition(arguments.definition);
  if (!definition.ok()) return CheckUsage(definition.status());
  cli::DefinitionArguments same;
  same.all_tables = definition->all_tables();
  same.except.assign(definition->except().begin(), definition->except().end());
  for (const v1::TableDefinition& table : definition->tables()) {
    std::string text = table.name();
    for (int i = 0; i < table.columns_size(); ++i) text += (i == 0 ? ":" : ",") + table.columns(i);
    same.tables.push_back(text);
    if (!table.filter().empty()) same.filters.push_back(table.name() + "=" + table.filter());
  }
  const auto again = cli::ParseDefinition(same);
  REPLICAST_CHECK(again.ok() && again->SerializeAsString() == definition->SerializeAsString());
  if (const auto canonical = wire::Canonical(*definition); canonical.ok()) wire::HashOf(*canonical);
}

}  // namespace
}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace replicast;
  const fuzz::Arguments arguments = fuzz::ArgumentsIn(fuzz::FuzzInput(data, size).Rest());
  fuzz::CheckDefinition(arguments);
  for (const std::string& text : arguments.durations) {
    const auto duration = cli::ParseDuration(text, "--wait");
    if (!duration.ok())
      fuzz::CheckUsage(duration.status());
    else
      REPLICAST_CHECK(*duration > absl::ZeroDuration());
  }
  for (const std::string& text : arguments.positions) {
    const auto position = cli::ParsePosition(text);
    if (!position.ok()) {
      fuzz::CheckUsage(position.status());
      continue;
    }
    const Position parsed{*HistoryId::FromBytes(position->history_id()), DefinitionHash(), Lsn{position->lsn()}};
    const auto again = cli::ParsePosition(parsed.ToText());
    REPLICAST_CHECK(again.ok() && again->SerializeAsString() == position->SerializeAsString());
  }
  return 0;
}
