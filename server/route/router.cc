#include "server/route/router.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast::route {

absl::Status Router::Add(const Relation& relation, std::vector<TableInterest> interests) {
  ASSIGN_OR_RETURN(tables_[relation.id], TableRouter::Create(relation, std::move(interests)));
  return absl::OkStatus();
}

void Router::Route(uint32_t relation, const Row* row, const std::vector<store::RowIndex::Entry>& before,
                   std::vector<Change>* changes) {
  changes->clear();
  if (auto table = tables_.find(relation); table != tables_.end()) table->second->Route(row, before, changes);
}

}  // namespace replicast::route
