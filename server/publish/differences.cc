#include "server/publish/differences.h"

#include <memory>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "server/publish/batch.h"

namespace replicast::publish {
namespace {

constexpr size_t kMostBytes = 8 * limits::kChunkBytes;

}  // namespace

absl::Status Differences::OnDifference(const Row& key, const Row* row) {
  bytes_ += EncodedSize(key) + (row == nullptr ? 0 : EncodedSize(*row));
  found_.push_back({key, row == nullptr ? std::nullopt : std::optional<Row>(*row)});
  return absl::OkStatus();
}

bool Differences::full() const { return bytes_ >= kMostBytes; }

absl::Status Differences::Publish(Core& core, Reading& reading, const Relation& relation) const {
  if (found_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Begin(core, reading.newest().number, reading.wall()));
  for (const Difference& difference : found_)
    RETURN_IF_ERROR(batch->Route(relation, difference.key, difference.row ? &*difference.row : nullptr));
  batch->SetTail(reading.newest());
  RETURN_IF_ERROR(batch->Commit());
  return batch->Tell();
}

}  // namespace replicast::publish
