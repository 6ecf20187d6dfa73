#include "common/wire/long_row.h"

#include <algorithm>
#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/columns.h"

namespace replicast::wire {
namespace {

absl::Status Malformed(const char* why) {
  return Error(absl::StatusCode::kInvalidArgument, "ROW_PIECE_MALFORMED", why);
}

std::string_view BytesOf(const Value& value) {
  if (const auto* text = std::get_if<Text>(&value)) return text->bytes;
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes;
  return {};
}

bool IsLongValue(const Value& value) { return BytesOf(value).size() > limits::kMaxShortValueBytes; }

bool IsClassOfBytes(uint32_t storage_class) {
  return storage_class == static_cast<uint32_t>(StorageClass::kText) ||
         storage_class == static_cast<uint32_t>(StorageClass::kBlob);
}

bool IsNull(const v1::Column& column) {
  return column.types().size() == 1 && column.types()[0] == static_cast<char>(StorageClass::kNull);
}

}  // namespace

bool IsLong(const Row& row) {
  return EncodedSize(row) > limits::kMaxWholeRowBytes && std::any_of(row.begin(), row.end(), IsLongValue);
}

LongRowWriter::LongRowWriter(uint32_t table, const Row& row) {
  head_.emplace().set_table(table);
  Row short_values;
  for (size_t i = 0; i < row.size(); ++i) {
    if (!IsLongValue(row[i])) {
      short_values.push_back(row[i]);
      continue;
    }
    short_values.emplace_back();
    v1::LongValue& value = *head_->add_values();
    value.set_column(static_cast<uint32_t>(i));
    value.set_storage_class(static_cast<uint32_t>(StorageClassOf(row[i])));
    value.set_length(static_cast<uint32_t>(BytesOf(row[i]).size()));
    values_.push_back(BytesOf(row[i]));
    bytes_ += values_.back().size();
  }
  ColumnsWriter writer(row.size());
  writer.Add(short_values);
  writer.Take(head_->mutable_row());
}

uint32_t LongRowWriter::pieces() const {
  return 1 + static_cast<uint32_t>((bytes_ + limits::kPieceBytes - 1) / limits::kPieceBytes);
}

bool LongRowWriter::Next(v1::RowPiece* piece) {
  piece->Clear();
  if (head_) {
    *piece->mutable_row() = *std::move(head_);
    head_.reset();
    return true;
  }
  std::string& data = *piece->mutable_data();
  while (value_ < values_.size() && data.size() < limits::kPieceBytes) {
    const std::string_view rest = values_[value_].substr(offset_, limits::kPieceBytes - data.size());
    data.append(rest);
    offset_ += rest.size();
    if (offset_ < values_[value_].size()) continue;
    ++value_;
    offset_ = 0;
  }
  return !data.empty();
}

uint64_t LongValueBytes(const v1::LongRow& row) {
  uint64_t bytes = 0;
  for (const v1::LongValue& value : row.values()) bytes += value.length();
  return bytes;
}

absl::Status CheckPiece(const v1::RowPiece& piece) {
  if (!piece.has_row()) return piece.data().empty() ? Malformed("a row's piece is empty") : absl::OkStatus();
  const v1::Columns& columns = piece.row().row();
  ColumnsReader reader;
  RETURN_IF_ERROR(reader.Open(columns, static_cast<size_t>(columns.columns_size())));
  if (reader.rows() != 1) return Malformed("pieces are of one row");
  if (piece.row().table() >= limits::kMaxTables) return Malformed("a table's number");
  if (piece.row().values().empty()) return Malformed("a row in pieces has no long value");
  int64_t before = -1;
  for (const v1::LongValue& value : piece.row().values()) {
    if (value.column() <= before || value.column() >= static_cast<uint32_t>(columns.columns_size()))
      return Malformed("a long value's column");
    if (!IsClassOfBytes(value.storage_class()) || value.length() == 0 ||
        !IsNull(columns.columns(static_cast<int>(value.column())))) {
      return Malformed("a long value is neither text nor blob, or stands in its row, too");
    }
    before = value.column();
  }
  return absl::OkStatus();
}

absl::Status CheckLength(const v1::RowPiece& piece, std::string_view table, uint64_t most_bytes) {
  if (!piece.has_row() || LongValueBytes(piece.row()) <= most_bytes) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "ROW_TOO_LARGE",
               "a row of table " + std::string(table) + " has " + std::to_string(LongValueBytes(piece.row())) +
                   " bytes, and max_row_bytes allows " + std::to_string(most_bytes) +
                   " here: raise it and start again");
}

absl::Status LongRowReader::Begin(const v1::LongRow& row, size_t columns) {
  Clear();
  ColumnsReader reader;
  RETURN_IF_ERROR(reader.Open(row.row(), columns));
  if (!reader.Next(&row_)) return Malformed("pieces are of one row");
  table_ = row.table();
  for (const v1::LongValue& value : row.values()) {
    Value& place = row_[value.column()];
    std::string* bytes = value.storage_class() == static_cast<uint32_t>(StorageClass::kText)
                             ? &place.emplace<Text>().bytes
                             : &place.emplace<Blob>().bytes;
    values_.push_back({bytes, value.length()});
  }
  open_ = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> LongRowReader::Add(const v1::RowPiece& piece, size_t columns) {
  if (piece.has_row() == open_) return Malformed("a row's pieces are not complete, or none was begun");
  if (piece.has_row()) RETURN_IF_ERROR(Begin(piece.row(), columns));
  for (std::string_view data = piece.data(); !data.empty();) {
    if (value_ == values_.size()) return Malformed("a row's pieces bring more than its values' bytes");
    LongValue& value = values_[value_];
    if (value.bytes->empty()) value.bytes->reserve(value.length);
    const std::string_view taken = data.substr(0, value.length - value.bytes->size());
    value.bytes->append(taken);
    data.remove_prefix(taken.size());
    if (value.bytes->size() == value.length) ++value_;
  }
  open_ = value_ < values_.size();
  return !open_;
}

void LongRowReader::Clear() {
  open_ = false;
  row_ = Row();
  values_.clear();
  value_ = 0;
}

}  // namespace replicast::wire
