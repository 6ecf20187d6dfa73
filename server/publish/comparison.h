#ifndef REPLICAST_SERVER_PUBLISH_COMPARISON_H_
#define REPLICAST_SERVER_PUBLISH_COMPARISON_H_

#include <memory>
#include <string>
#include <vector>

#include "server/publish/drain.h"
#include "server/publish/publisher.h"
#include "server/publish/publisher_core.h"

namespace replicast::publish {

// The actual rows of one dataset at one boundary, digested on any thread: it has a connection and filters of its own
// and shares nothing with the publisher.
class RowsComparison : public Publisher::Comparison {
 public:
  // Drains, and pins the boundary. OUT_OF_RANGE when the position's digests are not stored any more.
  static absl::StatusOr<std::unique_ptr<Publisher::Comparison>> Begin(Core& core, Drain& drain,
                                                                      const Position& position);
  absl::Status Run() override;
  // The digests brought to the begun position.
  v1::CompareResponse Answer() const override;

 private:
  struct Table {
    Relation relation;
    std::vector<int> columns;
    std::string filter;
    TableState indexed_here, indexed_there;  // by the row index: at the boundary, at the position
    TableState actual;
  };
  Position read_at_;
  std::unique_ptr<Reading> reading_;
  std::vector<Table> tables_;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_COMPARISON_H_
