#include "server/publish/ranges_comparison.h"

#include <optional>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/position_proto.h"
#include "common/wire/row_hash.h"
#include "server/publish/positions.h"
#include "server/route/table_view.h"
#include "server/store/unit_decoder.h"

namespace replicast::publish {
namespace {

absl::Status Malformed(const char* why) { return Error(absl::StatusCode::kInvalidArgument, "KEY_MALFORMED", why); }

absl::Status TooFar() {
  return Error(absl::StatusCode::kOutOfRange, "TOO_FAR",
               "too much has changed since that position to leave it out: ask again at a newer one");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Publisher::Comparison>> RangesComparison::Begin(Core& core, Drain& drain,
                                                                               const Position& position,
                                                                               const v1::KeyRanges& ranges) {
  auto comparison = std::make_unique<RangesComparison>();
  ASSIGN_OR_RETURN(comparison->reading_, drain.RunAndReadDetached());
  ASSIGN_OR_RETURN(Stream * stream, core.FindReady(position.definition));
  RETURN_IF_ERROR(TableStatesAt(core, *stream, position).status());
  if (ranges.table() >= stream->tables.size())
    return Error(absl::StatusCode::kInvalidArgument, "TABLE_UNKNOWN", "the dataset has no such table");
  const Stream::Table& table = stream->tables[ranges.table()];
  comparison->relation_ = *table.relation;
  comparison->columns_ = table.columns;
  comparison->filter_ = table.filter;
  RETURN_IF_ERROR(comparison->Take(ranges));
  RETURN_IF_ERROR(comparison->NoteChanged(core, *stream, position));
  *comparison->answer_.mutable_read_at() = ToProto(Position{core.state.history, position.definition, core.state.lsn});
  return std::unique_ptr<Publisher::Comparison>(std::move(comparison));
}

absl::Status RangesComparison::Take(const v1::KeyRanges& ranges) {
  const auto is_key = [&](const std::string& key) {
    return key.empty() || DecodeOrderedKey(key, relation_.key.size()).has_value();
  };
  if (ranges.through_keys().empty() || ranges.through_keys_size() > static_cast<int>(limits::kMaxRanges))
    return Malformed("there must be from 1 to 512 ranges");
  if (!is_key(ranges.after_key())) return Malformed("after_key is no key of the table");
  for (int i = 0; i < ranges.through_keys_size(); ++i) {
    const std::string& key = ranges.through_keys(i);
    const std::string& before = i == 0 ? ranges.after_key() : ranges.through_keys(i - 1);
    const bool last = i == ranges.through_keys_size() - 1;
    if (!is_key(key) || (key.empty() ? !last : key < before)) return Malformed("through_keys do not ascend");
  }
  ranges_ = ranges;
  for (int i = 0; i < ranges.through_keys_size(); ++i) answer_.add_ranges();
  digests_.resize(static_cast<size_t>(ranges.through_keys_size()));
  return absl::OkStatus();
}

absl::Status RangesComparison::NoteChanged(Core& core, const Stream& stream, const Position& position) {
  const v1::TableSchema& schema = stream.record.schema.tables(static_cast<int>(ranges_.table()));
  const std::string& after = ranges_.after_key();
  const std::string& through = *ranges_.through_keys().rbegin();
  const auto note = [&](uint32_t table, const Row& key) {
    if (table != ranges_.table()) return absl::OkStatus();
    std::string encoded = EncodeOrderedKey(key, relation_.key_collations);
    if (encoded <= after || (!through.empty() && encoded > through)) return absl::OkStatus();
    if (!changed_.insert(encoded).second) return absl::OkStatus();
    changed_key_bytes_ += encoded.size();
    if (changed_.size() > limits::kMaxChangedKeys || changed_key_bytes_ > limits::kMaxToldKeyBytes) return TooFar();
    answer_.add_changed_keys(std::move(encoded));
    return absl::OkStatus();
  };
  wire::UnitReader::Handlers handlers;
  handlers.deleted = note;
  handlers.row = [&](uint32_t table, const Row& row) {
    Row key;
    if (table == ranges_.table()) {
      for (const uint32_t place : schema.key_columns()) key.push_back(row[place]);
    }
    return note(table, key);
  };
  Position at = position;
  uint64_t bytes = 0;
  while (true) {
    ASSIGN_OR_RETURN(Way way, WayFrom(core, stream, at));
    if (way.step != NextStep::kCatchUp) return absl::OkStatus();
    bytes += way.first->bytes;
    if (bytes > limits::kMaxChangedBytes) return TooFar();
    store::UnitDecoder decoder(stream.record.schema, handlers);
    for (uint32_t number = 1; number <= way.first->parts; ++number) {
      ASSIGN_OR_RETURN(const std::string part, core.units.Part(way.first->serial, number));
      RETURN_IF_ERROR(decoder.Read(part));
    }
    at.history = way.first->history;
    at.lsn = way.first->last;
  }
}

absl::Status RangesComparison::Run() {
  ASSIGN_OR_RETURN(std::unique_ptr<route::TableView> view, route::TableView::Create(relation_, columns_, filter_));
  const std::optional<Row> after =
      ranges_.after_key().empty() ? std::nullopt : DecodeOrderedKey(ranges_.after_key(), relation_.key.size());
  size_t range = 0;
  const auto take = [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
    const std::string encoded = EncodeOrderedKey(key, relation_.key_collations);
    const auto ended = [&] {
      const std::string& through = ranges_.through_keys(static_cast<int>(range));
      return !through.empty() && encoded > through;
    };
    while (range < digests_.size() && ended()) ++range;
    if (range == digests_.size()) return false;
    if (changed_.contains(encoded)) return true;
    if (const Row* published = view->Published(row); published != nullptr)
      Count(range, encoded, wire::HashRow(relation_.name, *published));
    return true;
  };
  RETURN_IF_ERROR(reading_->ForEachRow(relation_, after ? &*after : nullptr, take));
  reading_.reset();  // no longer than needed: it keeps the master's WAL from being reused
  for (size_t i = 0; i < digests_.size(); ++i)
    answer_.mutable_ranges(static_cast<int>(i))->set_digest(digests_[i].ToBytes());
  return absl::OkStatus();
}

void RangesComparison::Count(size_t range, const std::string& key, const Digest& hash) {
  digests_[range] += hash;
  v1::RangeDigest* out = answer_.mutable_ranges(static_cast<int>(range));
  out->set_row_count(out->row_count() + 1);
  const bool full = out->rows_size() >= static_cast<int>(limits::kMaxRowDigests) ||
                    (out->rows_size() > 0 && row_key_bytes_ + key.size() > limits::kMaxToldKeyBytes);
  // No row behind one that isn't told.
  if (!ranges_.rows() || full || static_cast<uint64_t>(out->rows_size()) + 1 < out->row_count()) return;
  row_key_bytes_ += key.size();
  v1::RowDigest* row = out->add_rows();
  row->set_key(key);
  row->set_hash(hash.ToBytes());
}

}  // namespace replicast::publish
