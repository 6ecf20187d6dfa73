#include "server/capture/schema_check.h"

#include <algorithm>
#include <string>

#include "common/base/errors.h"
#include "server/capture/hook_text.h"
#include "server/capture/schema_reader.h"
#include "server/capture/update_hook.h"

namespace replicast::capture {
namespace {

bool Includes(const HookTexts& installed, const HookTexts& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
    const auto found = installed.find(each.first);
    return found != installed.end() && found->second == each.second;
  });
}

}  // namespace

absl::StatusOr<std::vector<Reading::Change>> CompareSchema(sqlite::Database& database,
                                                           const std::map<uint32_t, Relation>& relations,
                                                           uint64_t outbox_capacity) {
  ASSIGN_OR_RETURN(const HookTexts installed, InstalledTriggers(database));
  ASSIGN_OR_RETURN(const size_t width, OutboxWidth(database));
  const bool ring = Includes(installed, {{kTrimTrigger, TrimTrigger(outbox_capacity)}});
  ASSIGN_OR_RETURN(const bool rowids_kept, CanaryLives(database));
  std::vector<Reading::Change> changes;
  for (const auto& [id, relation] : relations) {
    const auto note = [&, number = id, &name = relation.name](const std::string& what) {
      changes.push_back({number, "table " + name + ": " + what});
    };
    const absl::StatusOr<Relation> now = ReadRelation(database, relation.name);
    if (!now.ok() && ReasonOf(now.status()) != "TABLE_UNKNOWN" && ReasonOf(now.status()) != "TABLE_UNSUPPORTED") {
      return now.status();
    }
    if (!now.ok()) {
      changes.push_back({id, std::string(now.status().message())});
    } else if (now->ddl != relation.ddl || now->name != relation.name || now->encoding != relation.encoding) {
      note("its schema has changed");
    } else if (!Includes(installed, TriggersOf(relation))) {
      note("its triggers were dropped or changed");
    } else if (now->key_converts && !relation.key_converts) {
      note("a foreign key makes numbers of its key now");
    } else if (!ring || width < relation.key.size()) {
      note("the outbox is not as it was installed");
    } else if (relation.rowids_may_change() && !rowids_kept) {
      note("its rowids may have been given anew, as VACUUM does");
    }
  }
  return changes;
}

}  // namespace replicast::capture
