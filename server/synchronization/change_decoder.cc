#include "server/synchronization/change_decoder.h"

#include <utility>

#include "common/base/errors.h"
#include "common/wire/columns.h"
#include "common/wire/value_proto.h"

namespace replicast {
namespace {

constexpr size_t kMessageBytes = 256u << 10;

// Collects changes into messages of bounded size.
class Messages {
 public:
  v1::Change* Add(size_t bytes) {
    if (messages_.empty() || (bytes_ > 0 && bytes_ + bytes > kMessageBytes)) {
      messages_.emplace_back();
      bytes_ = 0;
    }
    bytes_ += bytes;
    return messages_.back().add_changes();
  }
  v1::WatchResponse* AddAlone() { return &messages_.emplace_back(); }
  v1::WatchResponse* Last() {
    if (messages_.empty()) messages_.emplace_back();
    return &messages_.back();
  }
  std::vector<v1::WatchResponse> Take() { return std::move(messages_); }

 private:
  std::vector<v1::WatchResponse> messages_;
  size_t bytes_ = 0;
};

absl::StatusOr<const v1::TableSchema*> TableOf(const v1::DatasetSchema& schema, uint32_t table) {
  if (table < static_cast<uint32_t>(schema.tables_size())) return &schema.tables(static_cast<int>(table));
  return Error(absl::StatusCode::kDataLoss, "UNIT_MALFORMED",
               "a stored unit names a table that its dataset does not have");
}

absl::Status AddChanges(const v1::TableSchema& table, v1::ChangeKind kind, const v1::Columns& columns,
                        Messages* messages) {
  std::vector<std::string> names;
  if (kind == v1::CHANGE_KIND_UPSERT) {
    for (const auto& column : table.columns()) names.push_back(column.name());
  } else {
    for (const uint32_t place : table.key_columns()) names.push_back(table.columns(static_cast<int>(place)).name());
  }
  wire::ColumnsReader reader;
  RETURN_IF_ERROR(reader.Open(columns, names.size()));
  Row row;
  while (reader.Next(&row)) {
    v1::Change* change = messages->Add(EncodedSize(row) + 16 * names.size());
    change->set_table(table.name());
    change->set_kind(kind);
    for (size_t i = 0; i < names.size(); ++i) {
      change->add_columns(names[i]);
      *change->add_values() = wire::ToProto(row[i]);
    }
  }
  return absl::OkStatus();
}

absl::Status AddPiece(const v1::DatasetSchema& schema, const v1::RowPiece& piece, Messages* messages) {
  if (piece.has_row()) {
    ASSIGN_OR_RETURN(const v1::TableSchema* table, TableOf(schema, piece.row().table()));
    RETURN_IF_ERROR(AddChanges(*table, v1::CHANGE_KIND_UPSERT, piece.row().row(), messages));
    *messages->Last()->mutable_changes()->rbegin()->mutable_long_values() = piece.row().values();
  }
  if (!piece.data().empty()) messages->AddAlone()->set_data(piece.data());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<v1::WatchResponse>> DecodeChanges(wire::EncodedPart part, v1::DatasetSchema* schema,
                                                             const wire::Verifier& verifier) {
  ASSIGN_OR_RETURN(const wire::UnitPart opened, wire::OpenUnitPart(std::move(part), verifier));
  Messages messages;
  if (opened.body.has_schema()) {
    *schema = opened.body.schema().schema();
    *messages.AddAlone()->mutable_schema() = opened.body.schema();
  }
  if (opened.header.schema_version() != schema->version()) {
    return Error(absl::StatusCode::kOutOfRange, "SCHEMA_CHANGED",
                 "the dataset's schema has changed since that position: read its rows anew");
  }
  if (opened.body.has_piece()) RETURN_IF_ERROR(AddPiece(*schema, opened.body.piece(), &messages));
  for (const v1::TableChanges& changes : opened.body.tables()) {
    ASSIGN_OR_RETURN(const v1::TableSchema* table, TableOf(*schema, changes.table()));
    RETURN_IF_ERROR(AddChanges(*table, v1::CHANGE_KIND_DELETE, changes.deleted(), &messages));
    RETURN_IF_ERROR(AddChanges(*table, v1::CHANGE_KIND_UPSERT, changes.rows(), &messages));
  }
  if (opened.header.final_part()) {
    v1::Position* position = messages.Last()->mutable_position();
    position->set_history_id(opened.header.history_id());
    position->set_definition_hash(opened.header.definition_hash());
    position->set_lsn(opened.header.last_lsn());
  }
  std::vector<v1::WatchResponse> told = messages.Take();
  if (!schema->encoding().empty() && schema->encoding() != NameOf(TextEncoding::kUtf8)) {
    for (v1::WatchResponse& message : told) message.set_encoding(schema->encoding());
  }
  return told;
}

}  // namespace replicast
