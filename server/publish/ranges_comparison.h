#ifndef REPLICAST_SERVER_PUBLISH_RANGES_COMPARISON_H_
#define REPLICAST_SERVER_PUBLISH_RANGES_COMPARISON_H_

#include <absl/container/flat_hash_set.h>

#include <memory>
#include <string>
#include <vector>

#include "server/publish/drain.h"
#include "server/publish/publisher.h"
#include "server/publish/publisher_core.h"

namespace replicast::publish {

// The actual rows of ranges of one table at one boundary, digested on any thread. What units changed since the asked
// position is left out and named, so that what is left is what it was there.
class RangesComparison : public Publisher::Comparison {
 public:
  static absl::StatusOr<std::unique_ptr<Publisher::Comparison>> Begin(Core& core, Drain& drain,
                                                                      const Position& position,
                                                                      const v1::KeyRanges& ranges);
  absl::Status Run() override;
  v1::CompareResponse Answer() const override { return answer_; }

 private:
  absl::Status Take(const v1::KeyRanges& ranges);
  absl::Status NoteChanged(Core& core, const Stream& stream, const Position& position);
  void Count(size_t range, const std::string& key, const Digest& hash);

  v1::KeyRanges ranges_;
  Relation relation_;
  std::vector<int> columns_;
  std::string filter_;
  std::unique_ptr<Reading> reading_;
  absl::flat_hash_set<std::string> changed_;
  std::vector<Digest> digests_;
  size_t row_key_bytes_ = 0, changed_key_bytes_ = 0;  // told
  v1::CompareResponse answer_;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_RANGES_COMPARISON_H_
