#include "server/publish/range_comparison.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/errors.h"

namespace replicast::publish {
namespace {

// The index's side of the comparison, which follows the source's rows in key order.
class IndexSide {
 public:
  IndexSide(Core& core, route::Router& router, const Relation& relation, const std::string& after,
            RangeVisitor& visitor)
      : core_(core),
        router_(router),
        relation_(relation),
        visitor_(visitor),
        indexed_(*core.index, relation.id, after) {}
  absl::Status Open() { return indexed_.Open(); }

  absl::Status Meet(const std::string& encoded, const Row& key, const Row& row) {
    RETURN_IF_ERROR(GoneBefore(&encoded));
    const bool there = indexed_.valid() && indexed_.key() == encoded;
    if (Differs(&row, there ? indexed_.entries() : std::vector<store::RowIndex::Entry>()))
      RETURN_IF_ERROR(visitor_.OnDifference(key, &row));
    return there ? indexed_.Next() : absl::OkStatus();
  }

  // What the index has before this key (nullptr: at all) and the source has not.
  absl::Status GoneBefore(const std::string* key) {
    for (; indexed_.valid() && (key == nullptr || indexed_.key() < *key);) {
      if (Differs(nullptr, indexed_.entries())) {
        std::optional<Row> gone = DecodeOrderedKey(indexed_.key(), relation_.key.size());
        REPLICAST_CHECK(gone.has_value());
        RETURN_IF_ERROR(visitor_.OnDifference(*gone, nullptr));
      }
      RETURN_IF_ERROR(indexed_.Next());
    }
    return absl::OkStatus();
  }

 private:
  bool Differs(const Row* row, const std::vector<store::RowIndex::Entry>& before) {
    router_.Route(relation_.id, row, before, &changes_);
    return IsAboutReady(core_, changes_);
  }

  Core& core_;
  route::Router& router_;
  const Relation& relation_;
  RangeVisitor& visitor_;
  store::RowIndex::Cursor indexed_;
  std::vector<route::Change> changes_;
};

}  // namespace

bool IsAboutReady(Core& core, const std::vector<route::Change>& changes) {
  return std::any_of(changes.begin(), changes.end(), [&](const route::Change& change) {
    const Stream* stream = core.FindById(change.stream);
    return stream != nullptr && stream->ready();
  });
}

absl::StatusOr<std::string> CompareRange(Core& core, route::Router& router, Reading& reading, const Relation& relation,
                                         const std::string& after, const std::string& until, RangeVisitor& visitor) {
  std::optional<Row> after_key;
  if (!after.empty() && !(after_key = DecodeOrderedKey(after, relation.key.size()))) {
    return Error(absl::StatusCode::kInvalidArgument, "KEY_MALFORMED",
                 "the key behind which to go on is malformed: begin the snapshot from the start");
  }
  IndexSide index(core, router, relation, after, visitor);
  RETURN_IF_ERROR(index.Open());
  std::string through;
  absl::Status ours;  // what failed beside the source
  absl::Status read = reading.ForEachRow(relation, after_key ? &*after_key : nullptr,
                                         [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
                                           std::string encoded = EncodeOrderedKey(key, relation.key_collations);
                                           if (!until.empty() && encoded > until) {
                                             through = until;
                                             return false;
                                           }
                                           if (ours = index.Meet(encoded, key, row); !ours.ok()) return ours;
                                           const absl::StatusOr<bool> more = visitor.OnRow(key, row);
                                           if (ours = more.status(); !ours.ok()) return ours;
                                           if (!*more) through = std::move(encoded);
                                           return more;
                                         });
  RETURN_IF_ERROR(ours);
  if (!read.ok()) return core.SourceFailed(std::move(read));
  if (through.empty()) RETURN_IF_ERROR(index.GoneBefore(nullptr));
  if (!until.empty() && through == until) {
    const std::string behind = until + '\0';  // the next key that there could be
    RETURN_IF_ERROR(index.GoneBefore(&behind));
  }
  return through;
}

}  // namespace replicast::publish
