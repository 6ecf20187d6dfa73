#include "server/publish/chunk_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/columns.h"
#include "common/wire/long_row.h"
#include "common/wire/row_hash.h"
#include "server/publish/differences.h"

namespace replicast::publish {
namespace {

// A chunk ends there even if the filter left nearly all rows out: its read stays short.
constexpr size_t kMostRows = 20'000;

}  // namespace

// The chunk's rows, and what is to be published first.
class ChunkReader::Range : public Differences {
 public:
  Range(const Relation& relation, route::TableView& view, uint32_t table, size_t columns, const v1::HeldRange* held,
        const wire::Signer& signer)
      : relation_(relation), view_(view), table_(table), held_(held), rows_(columns), signer_(signer) {}
  absl::StatusOr<bool> OnRow(const Row& key, const Row& row) override {
    const Row* published = view_.Published(row);
    if (published != nullptr && held_ != nullptr) {
      seen_.digest += wire::HashRow(relation_.name, *published);
      ++seen_.rows;
    }
    if (published != nullptr && wire::IsLong(*published)) {
      if (EndsHeld(key)) return true;
      ASSIGN_OR_RETURN(pieces_, SpooledPieces::Keep(table_, *published, signer_));
      cut_ = true;
      return false;
    }
    if (published != nullptr) rows_.Add(*published);
    cut_ = ++scanned_ >= kMostRows || rows_.bytes() >= limits::kChunkBytes || full();
    return !cut_;
  }
  // The whole of what its reader holds was met, and is the same.
  bool IsHeld() const { return held_ != nullptr && !cut_ && seen_ == Held(); }
  wire::ColumnsWriter& rows() { return rows_; }
  std::unique_ptr<SpooledPieces> TakePieces() { return std::move(pieces_); }

 private:
  TableState Held() const { return {*Digest::FromBytes(held_->digest()), held_->row_count()}; }
  // The row is the last that its reader holds there, and all of them are the same.
  bool EndsHeld(const Row& key) const {
    return held_ != nullptr && seen_ == Held() &&
           EncodeOrderedKey(key, relation_.key_collations) == held_->through_key();
  }

  const Relation& relation_;
  route::TableView& view_;
  const uint32_t table_;
  const v1::HeldRange* const held_;
  TableState seen_;
  bool cut_ = false;
  wire::ColumnsWriter rows_;
  const wire::Signer& signer_;
  std::unique_ptr<SpooledPieces> pieces_;  // of the last row
  size_t scanned_ = 0;
};

absl::StatusOr<v1::SignedChunk> ChunkReader::Read(const DefinitionHash& hash, uint32_t table,
                                                  const std::string& after_key, const v1::HeldRange* held,
                                                  std::unique_ptr<ChunkPieces>* pieces) {
  ASSIGN_OR_RETURN(std::unique_ptr<Reading> reading, drain_.RunAndRead());
  ASSIGN_OR_RETURN(Stream * stream, core_.FindReady(hash));
  if (table >= stream->tables.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "TABLE_UNKNOWN",
                 "the dataset has no table of this number: subscribe again");
  }
  const Relation& relation = *stream->tables[table].relation;
  ASSIGN_OR_RETURN(route::TableView * view, stream->View(table));
  Range range(relation, *view, table, stream->tables[table].columns.size(), held, core_.signer);
  ASSIGN_OR_RETURN(std::string through_key, CompareRange(core_, core_.router, *reading, relation, after_key,
                                                         held == nullptr ? "" : held->through_key(), range));
  if (range.IsHeld()) through_key = held->through_key();
  RETURN_IF_ERROR(range.Publish(core_, *reading, relation));

  v1::ChunkHeader header;
  header.set_history_id(core_.state.history.ToBytes());
  header.set_definition_hash(hash.ToBytes());
  header.set_table(table);
  header.set_after_key(after_key);
  header.set_through_key(through_key);
  header.set_label_lsn(core_.state.lsn.value);
  header.set_schema_version(stream->record.schema.version());
  for (size_t i = 0; i < stream->record.tables.size(); ++i) {
    v1::TableDigest* digest = header.add_digests();
    digest->set_table(static_cast<uint32_t>(i));
    digest->set_digest(stream->record.tables[i].digest.ToBytes());
    digest->set_row_count(stream->record.tables[i].rows);
  }
  if (range.IsHeld()) {
    header.set_held_digest(held->digest());
    header.set_held_row_count(held->row_count());
    return wire::SealChunk(header, v1::Columns(), core_.signer);
  }
  std::unique_ptr<SpooledPieces> spooled = range.TakePieces();
  if (spooled != nullptr) {
    header.set_pieces(spooled->count());
    spooled->SetHeader(header);
  }
  *pieces = std::move(spooled);
  v1::Columns columns;
  range.rows().Take(&columns);
  return wire::SealChunk(header, columns, core_.signer);
}

}  // namespace replicast::publish
