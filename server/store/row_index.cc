#include "server/store/row_index.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/errors.h"

namespace replicast::store {
namespace {

constexpr int64_t kNoStream = std::numeric_limits<int64_t>::min();

Digest HashFrom(std::string_view bytes) { return Digest::FromBytes(bytes).value_or(Digest()); }

}  // namespace

absl::Status RowIndex::Find(uint32_t relation, std::string_view key, std::vector<Entry>* entries) {
  entries->clear();
  ASSIGN_OR_RETURN(
      sqlite::Statement * select,
      statements_.Get("SELECT stream, hash FROM row_index WHERE relation = ? AND key = ? ORDER BY stream"));
  select->BindInt(1, relation).BindBlob(2, key);
  while (true) {
    ASSIGN_OR_RETURN(bool found, select->Step());
    if (!found) break;
    entries->push_back({select->Int(0), HashFrom(select->BytesView(1))});
  }
  PlaceView place{relation, kNoStream, key};
  Overlay(frozen_, place, entries);
  Overlay(newest_, place, entries);
  return absl::OkStatus();
}

void RowIndex::Overlay(const Changes& changes, const PlaceView& place, std::vector<Entry>* entries) {
  for (auto at = changes.lower_bound(place);
       at != changes.end() && at->first.relation == place.relation && at->first.key == place.key; ++at) {
    Apply(at->first.stream, at->second, entries);
  }
}

void RowIndex::Apply(int64_t stream, const std::optional<Digest>& hash, std::vector<Entry>* entries) {
  auto entry = std::lower_bound(entries->begin(), entries->end(), stream,
                                [](const Entry& e, int64_t wanted) { return e.stream < wanted; });
  const bool there = entry != entries->end() && entry->stream == stream;
  if (!hash.has_value()) {
    if (there) entries->erase(entry);
  } else if (there) {
    entry->hash = *hash;
  } else {
    entries->insert(entry, {stream, *hash});
  }
}

void RowIndex::Set(uint32_t relation, std::string_view key, int64_t stream, Digest hash) {
  Change(relation, key, stream, hash);
}

void RowIndex::Erase(uint32_t relation, std::string_view key, int64_t stream) {
  Change(relation, key, stream, std::nullopt);
}

void RowIndex::Change(uint32_t relation, std::string_view key, int64_t stream, std::optional<Digest> hash) {
  auto at = newest_.lower_bound(PlaceView{relation, stream, key});
  if (at != newest_.end() && at->first.relation == relation && at->first.stream == stream && at->first.key == key) {
    at->second = hash;
    return;
  }
  newest_.emplace_hint(at, Place{relation, stream, std::string(key)}, hash);
  newest_key_bytes_ += key.size();
}

absl::Status RowIndex::Insert(uint32_t relation, std::string_view key, int64_t stream, Digest hash) {
  ASSIGN_OR_RETURN(sqlite::Statement * insert,
                   statements_.Get("INSERT OR REPLACE INTO row_index(relation, key, stream, hash) VALUES(?, ?, ?, ?)"));
  insert->BindInt(1, relation).BindBlob(2, key).BindInt(3, stream).BindBlob(4, hash.ToBytes());
  return insert->Run();
}

absl::Status RowIndex::Write(const Place& place, const std::optional<Digest>& hash) {
  if (hash.has_value()) return Insert(place.relation, place.key, place.stream, *hash);
  return RemoveFromTable({place.relation, place.key, place.stream});
}

void RowIndex::Freeze(uint64_t serial) {
  REPLICAST_CHECK(!freezing());
  frozen_ = std::move(newest_);
  newest_.clear();
  newest_key_bytes_ = 0;
  frozen_serial_ = serial;
  frozen_at_ = frozen_.begin();
}

absl::StatusOr<std::optional<uint64_t>> RowIndex::WriteSome(size_t count) {
  REPLICAST_CHECK(freezing());
  for (; count > 0 && frozen_at_ != frozen_.end(); --count, ++frozen_at_) {
    RETURN_IF_ERROR(Write(frozen_at_->first, frozen_at_->second));
  }
  if (frozen_at_ != frozen_.end()) return std::optional<uint64_t>();
  frozen_.clear();
  return std::exchange(frozen_serial_, std::nullopt);
}

absl::Status RowIndex::WriteAll() {
  if (freezing()) RETURN_IF_ERROR(WriteSome(frozen_.size() + 1).status());
  for (const auto& [place, hash] : newest_) RETURN_IF_ERROR(Write(place, hash));
  newest_.clear();
  newest_key_bytes_ = 0;
  return absl::OkStatus();
}

void RowIndex::Forget(int64_t stream) {
  auto is_its = [stream](const Changes::value_type& change) { return change.first.stream == stream; };
  absl::erase_if(newest_, is_its);
  absl::erase_if(frozen_, is_its);
  frozen_at_ = frozen_.begin();  // writing an entry twice does no harm
}

absl::Status RowIndex::Clear() {
  newest_.clear();
  newest_key_bytes_ = 0;
  frozen_.clear();
  frozen_serial_.reset();
  swept_ = {0, "", 0};
  ASSIGN_OR_RETURN(sqlite::Statement * clear, statements_.Get("DELETE FROM row_index"));
  return clear->Run();
}

absl::StatusOr<std::vector<RowIndex::Swept>> RowIndex::SweepNext(size_t count) {
  ASSIGN_OR_RETURN(
      sqlite::Statement * select,
      statements_.Get("SELECT relation, key, stream FROM row_index WHERE (relation, key, stream) > (?, ?, ?) "
                      "ORDER BY relation, key, stream LIMIT ?"));
  select->BindInt(1, swept_.relation).BindBlob(2, swept_.key).BindInt(3, swept_.stream);
  select->BindInt(4, static_cast<int64_t>(count));
  std::vector<Swept> rows;
  while (true) {
    ASSIGN_OR_RETURN(bool found, select->Step());
    if (!found) return rows;
    rows.push_back({static_cast<uint32_t>(select->Int(0)), select->Bytes(1), select->Int(2)});
  }
}

absl::Status RowIndex::RemoveFromTable(const Swept& row) {
  ASSIGN_OR_RETURN(sqlite::Statement * remove,
                   statements_.Get("DELETE FROM row_index WHERE relation = ? AND key = ? AND stream = ?"));
  remove->BindInt(1, row.relation).BindBlob(2, row.key).BindInt(3, row.stream);
  return remove->Run();
}

RowIndex::Cursor::Cursor(RowIndex& index, uint32_t relation, std::string after_key)
    : index_(index), relation_(relation), key_(std::move(after_key)) {}

absl::Status RowIndex::Cursor::Open() {
  ASSIGN_OR_RETURN(select_,
                   index_.statements_.database().Prepare("SELECT key, stream, hash FROM row_index WHERE relation "
                                                         "= ? AND key > ? ORDER BY key, stream"));
  select_->BindInt(1, relation_).BindBlob(2, key_);
  RETURN_IF_ERROR(StepTable());
  frozen_ = Behind(index_.frozen_);
  newest_ = Behind(index_.newest_);
  return Next();
}

RowIndex::Cursor::Generation RowIndex::Cursor::Behind(const Changes& changes) const {
  const PlaceView start{relation_, std::numeric_limits<int64_t>::max(), key_};
  return {changes.upper_bound(start), changes.lower_bound(PlaceView{relation_ + 1, kNoStream, {}})};
}

absl::Status RowIndex::Cursor::StepTable() {
  ASSIGN_OR_RETURN(table_valid_, select_->Step());
  if (table_valid_) {
    table_key_ = select_->BytesView(0);
    table_entry_ = {select_->Int(1), HashFrom(select_->BytesView(2))};
  }
  return absl::OkStatus();
}

void RowIndex::Cursor::Take(Generation* generation) {
  for (; generation->valid() && generation->at->first.key == key_; ++generation->at)
    Apply(generation->at->first.stream, generation->at->second, &entries_);
}

absl::Status RowIndex::Cursor::Next() {
  entries_.clear();
  while (entries_.empty()) {
    const std::string* least = table_valid_ ? &table_key_ : nullptr;
    for (const Generation& generation : {frozen_, newest_}) {
      if (generation.valid() && (least == nullptr || generation.at->first.key < *least))
        least = &generation.at->first.key;
    }
    valid_ = least != nullptr;
    if (!valid_) return absl::OkStatus();
    key_ = *least;
    while (table_valid_ && table_key_ == key_) {
      entries_.push_back(table_entry_);
      RETURN_IF_ERROR(StepTable());
    }
    Take(&frozen_);
    Take(&newest_);  // the newer one has the last word
  }
  return absl::OkStatus();
}

}  // namespace replicast::store
