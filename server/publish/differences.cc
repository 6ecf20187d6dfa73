#include "server/publish/differences.h"

#include <memory>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/long_row.h"
#include "server/publish/batch.h"

namespace replicast::publish {
namespace {

constexpr size_t kMostBytes = 8 * limits::kChunkBytes;

}  // namespace

absl::Status Differences::OnDifference(const Row& key, const Row* row) {
  Difference& difference = found_.emplace_back(Difference{key, row != nullptr, std::nullopt});
  bytes_ += EncodedSize(key);
  if (row == nullptr || wire::IsLong(*row)) return absl::OkStatus();
  bytes_ += EncodedSize(*row);
  difference.row = *row;
  return absl::OkStatus();
}

bool Differences::full() const { return bytes_ >= kMostBytes; }

absl::Status Differences::Publish(Core& core, Reading& reading, const Relation& relation) const {
  if (found_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Begin(core, reading.newest().number, reading.wall()));
  Row read;
  for (const Difference& difference : found_) {
    const Row* row = difference.row ? &*difference.row : nullptr;
    if (difference.there && row == nullptr) {
      const absl::StatusOr<bool> found = reading.Find(relation, difference.key, &read);
      if (!found.ok()) return core.SourceFailed(found.status());
      if (*found) row = &read;
    }
    RETURN_IF_ERROR(batch->Route(relation, difference.key, row));
  }
  batch->SetTail(reading.newest());
  RETURN_IF_ERROR(batch->Commit());
  return batch->Tell();
}

}  // namespace replicast::publish
