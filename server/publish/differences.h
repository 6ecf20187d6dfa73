#ifndef REPLICAST_SERVER_PUBLISH_DIFFERENCES_H_
#define REPLICAST_SERVER_PUBLISH_DIFFERENCES_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "server/publish/range_comparison.h"

namespace replicast::publish {

// What a comparison of one range finds, kept to be published at the boundary of its reading. The range ends with many
// bytes of it.
class Differences : public RangeVisitor {
 public:
  struct Difference {
    Row key;
    bool there = false;      // in the source, whether or not a stream wants it
    std::optional<Row> row;  // unless it is a long one, which is read again
  };

  absl::Status OnDifference(const Row& key, const Row* row) override;
  bool full() const;
  const std::vector<Difference>& found() const { return found_; }
  // As one unit a stream at the reading's boundary, under the next revision.
  absl::Status Publish(Core& core, Reading& reading, const Relation& relation) const;

 private:
  size_t bytes_ = 0;
  std::vector<Difference> found_;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_DIFFERENCES_H_
