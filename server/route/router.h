#ifndef REPLICAST_SERVER_ROUTE_ROUTER_H_
#define REPLICAST_SERVER_ROUTE_ROUTER_H_

#include <map>
#include <memory>
#include <vector>

#include "server/route/table_router.h"

namespace replicast::route {

// Touched keys of any relation → what they mean to each stream. Made anew whenever streams come or go. Not thread safe.
class Router {
 public:
  absl::Status Add(const Relation& relation, std::vector<TableInterest> interests);
  // As TableRouter::Route; no changes for a relation that nobody wants.
  void Route(uint32_t relation, const Row* row, const std::vector<store::RowIndex::Entry>& before,
             std::vector<Change>* changes);
  bool Wants(uint32_t relation) const { return tables_.count(relation) != 0; }

 private:
  std::map<uint32_t, std::unique_ptr<TableRouter>> tables_;
};

}  // namespace replicast::route

#endif  // REPLICAST_SERVER_ROUTE_ROUTER_H_
