#include "common/wire/unit_codec.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/crypto/crypto.h"
#include "common/wire/long_row.h"

namespace replicast::wire {
namespace {

absl::Status Malformed(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "UNIT_MALFORMED", "a unit part is malformed: " + why);
}

std::string HashBytes(std::string_view data) {
  const crypto::Sha256Digest hash = crypto::Sha256(data);
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::string ChainOn(std::string_view earlier, std::string_view signed_message) {
  return HashBytes(std::string(earlier).append(signed_message));
}

absl::Status CheckHeader(const v1::UnitHeader& header) {
  if (header.kind() != v1::UNIT_KIND_CHANGES && header.kind() != v1::UNIT_KIND_EMPTY &&
      header.kind() != v1::UNIT_KIND_HISTORY && header.kind() != v1::UNIT_KIND_SCHEMA) {
    return Malformed("its kind is unknown");
  }
  if (header.history_id().size() != 16 || header.definition_hash().size() != 32)
    return Malformed("an id has another length");
  const bool is_history = header.kind() == v1::UNIT_KIND_HISTORY;
  if (header.prev_history_id().size() != (is_history ? 16 : 0)) return Malformed("its previous history");
  // A history unit's lsns are of two histories, and the new one may begin lower.
  if (!is_history && header.prev_lsn() > header.last_lsn()) return Malformed("its lsns");
  if (header.part_number() == 0 || header.earlier_parts_hash().size() != (header.part_number() == 1 ? 0 : 32))
    return Malformed("its part number");
  if (header.kind() == v1::UNIT_KIND_EMPTY && (header.part_number() != 1 || !header.final_part()))
    return Malformed("an empty unit has one part");
  if (!header.final_part() && !header.digests().empty()) return Malformed("digests stand in the final part");
  for (const v1::TableDigest& digest : header.digests()) {
    if (digest.table() >= limits::kMaxTables || digest.digest().size() != 16) return Malformed("a digest");
  }
  return absl::OkStatus();
}

absl::Status CheckColumns(const v1::Columns& columns, uint64_t* values) {
  ColumnsReader reader;
  RETURN_IF_ERROR(reader.Open(columns, static_cast<size_t>(columns.columns_size())));
  *values += uint64_t{reader.rows()} * static_cast<uint64_t>(columns.columns_size());
  return absl::OkStatus();
}

absl::Status CheckBody(const v1::UnitBody& body) {
  if (body.has_piece()) {
    if (!body.tables().empty() || body.has_schema()) return Malformed("something stands beside a row's piece");
    return CheckPiece(body.piece());
  }
  if (static_cast<size_t>(body.tables_size()) > limits::kMaxTables) return Malformed("too many tables");
  // A value counts as a byte at least in what a part may have, a NULL too, which takes none as it travels.
  uint64_t values = 0;
  for (const v1::TableChanges& table : body.tables()) {
    if (table.table() >= limits::kMaxTables) return Malformed("a table's number");
    RETURN_IF_ERROR(CheckColumns(table.deleted(), &values));
    RETURN_IF_ERROR(CheckColumns(table.rows(), &values));
    if (values > limits::kMaxUnitPartBytes) return Malformed("too many values");
  }
  return absl::OkStatus();
}

// What it says of tables and columns is checked against the schema that it leads out of, by whoever applies it.
absl::Status CheckSchema(const v1::UnitHeader& header, const v1::UnitBody& body) {
  const bool may =
      header.part_number() == 1 && (header.kind() == v1::UNIT_KIND_SCHEMA || header.kind() == v1::UNIT_KIND_HISTORY);
  const bool must = header.part_number() == 1 && header.kind() == v1::UNIT_KIND_SCHEMA;
  if (body.has_schema() ? !may : must) return Malformed("its kind and whether it changes the schema don't fit");
  return absl::OkStatus();
}

}  // namespace

UnitWriter::UnitWriter(v1::UnitHeader header, std::vector<size_t> key_counts, std::vector<size_t> column_counts,
                       const Signer& signer, Sink sink)
    : header_(std::move(header)), signer_(signer), sink_(std::move(sink)) {
  REPLICAST_CHECK(key_counts.size() == column_counts.size());
  tables_.reserve(key_counts.size());
  for (size_t i = 0; i < key_counts.size(); ++i)
    tables_.push_back({ColumnsWriter(key_counts[i]), ColumnsWriter(column_counts[i])});
}

absl::Status UnitWriter::Upsert(uint32_t table, const Row& row) {
  REPLICAST_CHECK(table < tables_.size());
  return IsLong(row) ? AddLong(table, row) : Add(&tables_[table].rows, row);
}

absl::Status UnitWriter::Delete(uint32_t table, const Row& key) {
  REPLICAST_CHECK(table < tables_.size() && EncodedSize(key) <= limits::kMaxKeyBytes);
  return Add(&tables_[table].deleted, key);
}

absl::Status UnitWriter::Add(ColumnsWriter* where, const Row& row) {
  where->Add(row);
  bytes_ += EncodedSize(row);
  ++rows_;
  return bytes_ >= limits::kUnitPartBytes ? Flush(false, {}) : absl::OkStatus();
}

absl::Status UnitWriter::AddLong(uint32_t table, const Row& row) {
  if (bytes_ > 0 || schema_) RETURN_IF_ERROR(Flush(false, {}));
  LongRowWriter writer(table, row);
  for (v1::UnitBody body; writer.Next(body.mutable_piece());) RETURN_IF_ERROR(WritePart(false, {}, body));
  ++rows_;
  return absl::OkStatus();
}

absl::Status UnitWriter::Finish(const std::vector<v1::TableDigest>& digests) { return Flush(true, digests); }

absl::Status UnitWriter::Flush(bool final_part, const std::vector<v1::TableDigest>& digests) {
  v1::UnitBody body;
  for (size_t i = 0; i < tables_.size(); ++i) {
    TableBuffer& buffer = tables_[i];
    if (buffer.deleted.rows() == 0 && buffer.rows.rows() == 0) continue;
    v1::TableChanges& changes = *body.add_tables();
    changes.set_table(static_cast<uint32_t>(i));
    if (buffer.deleted.rows() > 0) buffer.deleted.Take(changes.mutable_deleted());
    if (buffer.rows.rows() > 0) buffer.rows.Take(changes.mutable_rows());
  }
  if (schema_) {
    *body.mutable_schema() = *std::move(schema_);
    schema_.reset();
  }
  bytes_ = 0;
  return WritePart(final_part, digests, body);
}

absl::Status UnitWriter::WritePart(bool final_part, const std::vector<v1::TableDigest>& digests,
                                   const v1::UnitBody& body) {
  header_.set_part_number(++part_number_);
  header_.set_final_part(final_part);
  header_.set_earlier_parts_hash(chain_);
  header_.clear_digests();
  for (const v1::TableDigest& digest : digests) *header_.add_digests() = digest;
  v1::SignedUnitPart part;
  header_.SerializeToString(part.mutable_header());
  const std::string plain = body.SerializeAsString();
  if (!plain.empty()) part.set_body(Compress(plain));
  const std::string message = HeaderAndBody(part.header(), part.body());
  part.set_signature(signer_.Sign(kUnitPartDomain, message));
  chain_ = ChainOn(chain_, message);
  return sink_(part_number_, part.SerializeAsString());
}

absl::StatusOr<UnitPart> OpenUnitPart(EncodedPart encoded, const Verifier& verifier) {
  v1::SignedUnitPart message;
  if (encoded.size() > limits::kMaxSignedPartBytes || !message.ParseFromString(encoded))
    return Malformed("its envelope");
  const std::string signed_message = HeaderAndBody(message.header(), message.body());
  if (!verifier.Verify(kUnitPartDomain, signed_message, message.signature())) {
    return Error(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID", "a unit part was not signed by the server");
  }
  UnitPart part;
  if (!part.header.ParseFromString(message.header())) return Malformed("its header");
  RETURN_IF_ERROR(CheckHeader(part.header));
  if (!message.body().empty()) {
    ASSIGN_OR_RETURN(const std::string body, Decompress(message.body(), limits::kMaxUnitPartBytes));
    if (!part.body.ParseFromString(body)) return Malformed("its body");
  }
  if (part.header.kind() == v1::UNIT_KIND_EMPTY && (!part.body.tables().empty() || part.body.has_piece()))
    return Malformed("an empty unit has no changes");
  RETURN_IF_ERROR(CheckSchema(part.header, part.body));
  RETURN_IF_ERROR(CheckBody(part.body));
  part.encoded = std::move(encoded);
  part.body_hash_chain = ChainOn(part.header.earlier_parts_hash(), signed_message);
  return part;
}

absl::StatusOr<v1::UnitHeader> PeekUnitHeader(std::string_view encoded) {
  v1::SignedUnitPart message;
  v1::UnitHeader header;
  if (!message.ParseFromArray(encoded.data(), static_cast<int>(encoded.size())) ||
      !header.ParseFromString(message.header())) {
    return Malformed("its header");
  }
  return header;
}

}  // namespace replicast::wire
