#include "common/sqlite/statement.h"

#include <sqlite3.h>

#include <cmath>
#include <utility>

#include "common/base/errors.h"
#include "common/sqlite/sqlite_bytes.h"
#include "common/sqlite/sqlite_error.h"

namespace replicast::sqlite {
namespace {

absl::Status StatementError(sqlite3_stmt* statement, int code) {
  sqlite3* handle = sqlite3_db_handle(statement);
  const char* path = sqlite3_db_filename(handle, "main");
  return ErrorFor(handle, code, "running a statement", path == nullptr || *path == 0 ? "memory" : path);
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), encoding_(other.encoding_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(encoding_, other.encoding_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int index, const Value& value) {
  switch (StorageClassOf(value)) {
    case StorageClass::kNull:
      return BindNull(index);
    case StorageClass::kInteger:
      return BindInt(index, std::get<int64_t>(value));
    case StorageClass::kText:
      return BindStored(index, std::get<Text>(value).bytes);
    case StorageClass::kBlob:
      return BindBlob(index, std::get<Blob>(value).bytes);
    case StorageClass::kReal:
      break;
  }
  const double number = std::get<Real>(value).number;
  // SQLite would store NULL in its place, silently.
  REPLICAST_CHECK(!std::isnan(number));
  REPLICAST_CHECK(sqlite3_bind_double(statement_, index, number) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindInt(int index, int64_t value) {
  REPLICAST_CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view text) {
  const int code = sqlite3_bind_text(statement_, index, DataOf(text), SizeOf(text), SQLITE_TRANSIENT);
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

Statement& Statement::BindStored(int index, std::string_view text) {
  if (encoding_ == TextEncoding::kUtf8) return BindText(index, text);
  // SQLite takes a byte order mark away, and believes it: given this one, it leaves alone what follows.
  const bool big = encoding_ == TextEncoding::kUtf16be;
  std::string marked = big ? "\xfe\xff" : "\xff\xfe";
  marked += text;
  const auto encoding = static_cast<unsigned char>(big ? SQLITE_UTF16BE : SQLITE_UTF16LE);
  const int code = sqlite3_bind_text64(statement_, index, marked.data(), static_cast<sqlite3_uint64>(SizeOf(marked)),
                                       SQLITE_TRANSIENT, encoding);
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view blob) {
  const int code = sqlite3_bind_blob(statement_, index, DataOf(blob), SizeOf(blob), SQLITE_TRANSIENT);
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

Statement& Statement::BindNull(int index) {
  REPLICAST_CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindView(int index, const Value& value) {
  int code = SQLITE_OK;
  const auto* text = std::get_if<Text>(&value);
  if (text != nullptr && encoding_ == TextEncoding::kUtf8) {
    code = sqlite3_bind_text(statement_, index, DataOf(text->bytes), SizeOf(text->bytes), SQLITE_STATIC);
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    code = sqlite3_bind_blob(statement_, index, DataOf(blob->bytes), SizeOf(blob->bytes), SQLITE_STATIC);
  } else {
    return Bind(index, value);
  }
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  absl::Status status = StatementError(statement_, code);
  sqlite3_reset(statement_);
  return status;
}

absl::Status Statement::Run() {
  while (true) {
    ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return absl::OkStatus();
  }
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

int Statement::ColumnCount() const { return sqlite3_column_count(statement_); }

std::vector<std::string> Statement::ColumnNames() const {
  std::vector<std::string> names;
  for (int i = 0; i < ColumnCount(); ++i) names.emplace_back(sqlite3_column_name(statement_, i));
  return names;
}

Value Statement::Column(int index) const {
  switch (sqlite3_column_type(statement_, index)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement_, index);
    case SQLITE_FLOAT:
      return Real{sqlite3_column_double(statement_, index)};
    case SQLITE_TEXT:
      return Text{std::string(BytesView(index))};
    case SQLITE_BLOB:
      return Blob{std::string(BytesView(index))};
    default:
      return std::monostate{};
  }
}

Row Statement::Columns(int first, int count) const {
  Row row;
  row.reserve(static_cast<size_t>(count));
  for (int i = first; i < first + count; ++i) row.push_back(Column(i));
  return row;
}

int64_t Statement::Int(int index) const { return sqlite3_column_int64(statement_, index); }

std::string Statement::Bytes(int index) const {
  if (sqlite3_column_type(statement_, index) == SQLITE_BLOB) return std::string(BytesView(index));
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, index));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, index))};
}

std::string_view Statement::BytesView(int index) const {
  // For text, too, these are the bytes that the database has.
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, index));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, index))};
}

bool Statement::IsNull(int index) const { return sqlite3_column_type(statement_, index) == SQLITE_NULL; }

}  // namespace replicast::sqlite
