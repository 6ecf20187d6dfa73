#include "common/base/dataset_names.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <set>

namespace replicast {

std::vector<std::string> PartsOfName(const std::string& name) {
  if (name.find(kJoinsNames) == std::string::npos) return {};
  std::set<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(name, kJoinsNames, absl::SkipEmpty())) parts.emplace(part);
  return {parts.begin(), parts.end()};
}

std::string NameOfNarrowed(const std::string& dataset, const DefinitionHash& definition) {
  return dataset + kNarrows + definition.ToHex().substr(0, 16);
}

std::string NameBeforeNarrowing(const std::string& name) { return name.substr(0, name.find(kNarrows)); }

std::string NameOfParts(const std::vector<std::string>& parts) {
  return absl::StrJoin(parts, std::string(1, kJoinsNames));
}

}  // namespace replicast
