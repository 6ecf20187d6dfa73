#ifndef REPLICAST_SERVER_PUBLISH_STREAM_H_
#define REPLICAST_SERVER_PUBLISH_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/route/table_view.h"
#include "server/source/relation.h"
#include "server/store/catalogue.h"

namespace replicast::publish {

// One stream of a running server. While its index is being built, `built_*` tell which ranges were read: keys in them
// follow the source, others are ignored until they are read.
struct Stream {
  struct Table {
    const Relation* relation = nullptr;
    std::vector<int> columns;  // published, as places in the relation
    std::string filter;
    std::unique_ptr<route::TableView> view;  // for reading ranges; made at the first use
  };

  store::StreamRecord record;
  std::vector<Table> tables;  // none while it is stopped
  size_t built_tables = 0;    // read to their ends
  std::string built_through;  // encoded; the last key read of the table after those
  Row built_key;              // the same
  uint64_t rows_published = 0;

  bool ready() const { return record.state == store::StreamState::kReady; }
  bool building() const { return record.state == store::StreamState::kBuilding; }
  bool unresolved() const { return record.state == store::StreamState::kUnresolved; }
  bool stopped() const { return record.state == store::StreamState::kStopped || unresolved(); }
  bool HasRead(size_t table, std::string_view key) const {
    return !building() || table < built_tables || (table == built_tables && key <= built_through);
  }
  absl::StatusOr<route::TableView*> View(size_t table);
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_STREAM_H_
