#include "common/wire/columns.h"

#include <absl/status/statusor.h>

#include <algorithm>
#include <cmath>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast::wire {
namespace {

absl::Status Malformed(const char* why) { return Error(absl::StatusCode::kInvalidArgument, "COLUMNS_MALFORMED", why); }

// How many values of each kind the types promise.
struct Promise {
  int integers = 0, reals = 0, lengths = 0;
};

absl::StatusOr<Promise> PromiseOf(const v1::Column& column, uint32_t rows) {
  const std::string& types = column.types();
  if (types.size() != rows && !(types.size() == 1 && rows > 0))
    return Malformed("a column's types do not fit its rows");
  const int times = types.size() == rows ? 1 : static_cast<int>(rows);
  Promise promise;
  for (const char type : types) {
    switch (static_cast<StorageClass>(type)) {
      case StorageClass::kNull:
        break;
      case StorageClass::kInteger:
        promise.integers += times;
        break;
      case StorageClass::kReal:
        promise.reals += times;
        break;
      case StorageClass::kText:
      case StorageClass::kBlob:
        promise.lengths += times;
        break;
      default:
        return Malformed("a column has an unknown storage class");
    }
  }
  return promise;
}

absl::Status Check(const v1::Column& column, uint32_t rows) {
  ASSIGN_OR_RETURN(const Promise promise, PromiseOf(column, rows));
  if (column.integers_size() != promise.integers || column.reals_size() != promise.reals ||
      column.lengths_size() != promise.lengths) {
    return Malformed("a column's values do not fit its types");
  }
  // SQLite holds no NaN, and takes one for NULL.
  for (const uint64_t bits : column.reals()) {
    if (std::isnan(Real::FromBits(bits).number)) return Malformed("a column has a number that is none");
  }
  uint64_t total = 0;
  for (const uint32_t length : column.lengths()) total += length;
  if (total != column.data().size()) return Malformed("a column's data do not fit its lengths");
  return absl::OkStatus();
}

}  // namespace

ColumnsWriter::ColumnsWriter(size_t columns) : columns_(columns) {}

void ColumnsWriter::Add(const Row& row) {
  REPLICAST_CHECK(row.size() == columns_);
  while (pending_.columns_size() < static_cast<int>(columns_)) pending_.add_columns();
  for (size_t i = 0; i < columns_; ++i) {
    v1::Column& column = *pending_.mutable_columns(static_cast<int>(i));
    const Value& value = row[i];
    column.mutable_types()->push_back(static_cast<char>(value.index()));
    switch (StorageClassOf(value)) {
      case StorageClass::kNull:
        break;
      case StorageClass::kInteger:
        column.add_integers(std::get<int64_t>(value));
        break;
      case StorageClass::kReal:
        column.add_reals(std::get<Real>(value).bits());
        break;
      case StorageClass::kText:
      case StorageClass::kBlob: {
        const std::string& bytes = value.index() == static_cast<size_t>(StorageClass::kText)
                                       ? std::get<Text>(value).bytes
                                       : std::get<Blob>(value).bytes;
        column.add_lengths(static_cast<uint32_t>(bytes.size()));
        column.mutable_data()->append(bytes);
        break;
      }
    }
  }
  bytes_ += EncodedSize(row);
  ++rows_;
}

void ColumnsWriter::Take(v1::Columns* out) {
  for (v1::Column& column : *pending_.mutable_columns()) {
    std::string& types = *column.mutable_types();
    if (std::all_of(types.begin(), types.end(), [&](char type) { return type == types[0]; }))
      types.resize(std::min<size_t>(types.size(), 1));
  }
  pending_.set_row_count(rows_);
  *out = std::move(pending_);
  pending_.Clear();
  rows_ = 0;
  bytes_ = 0;
}

absl::Status ColumnsReader::Open(const v1::Columns& message, size_t columns) {
  cursors_.clear();
  row_count_ = 0;
  at_ = 0;
  if (message.row_count() == 0) return message.columns().empty() ? absl::OkStatus() : Malformed("columns without rows");
  if (static_cast<size_t>(message.columns_size()) != columns || columns == 0 || columns > limits::kMaxColumns)
    return Malformed("the number of columns is not the schema's");
  // NULLs take no bytes: without this a tiny message could promise four billion rows of them.
  if (message.row_count() > limits::kMaxUnitPartBytes / columns) return Malformed("too many rows");
  for (const v1::Column& column : message.columns()) {
    RETURN_IF_ERROR(Check(column, message.row_count()));
    Cursor cursor;
    cursor.column = &column;
    cursors_.push_back(cursor);
  }
  row_count_ = message.row_count();
  return absl::OkStatus();
}

bool ColumnsReader::Next(Row* row) {
  if (at_ == row_count_) return false;
  row->resize(cursors_.size());
  for (size_t i = 0; i < cursors_.size(); ++i) {
    Cursor& cursor = cursors_[i];
    const v1::Column& column = *cursor.column;
    const auto type = static_cast<StorageClass>(column.types()[column.types().size() == 1 ? 0 : at_]);
    Value& value = (*row)[i];
    switch (type) {
      case StorageClass::kNull:
        value = std::monostate();
        break;
      case StorageClass::kInteger:
        value = int64_t{column.integers(cursor.integer++)};
        break;
      case StorageClass::kReal:
        value = Real::FromBits(column.reals(cursor.real++));
        break;
      case StorageClass::kText:
      case StorageClass::kBlob: {
        const uint32_t length = column.lengths(cursor.length++);
        const char* begin = column.data().data() + cursor.offset;
        cursor.offset += length;
        if (type == StorageClass::kText)
          value = Text{std::string(begin, length)};
        else
          value = Blob{std::string(begin, length)};
        break;
      }
    }
  }
  ++at_;
  return true;
}

}  // namespace replicast::wire
