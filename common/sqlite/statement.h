#ifndef REPLICAST_COMMON_SQLITE_STATEMENT_H_
#define REPLICAST_COMMON_SQLITE_STATEMENT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text_encoding.h"
#include "common/base/value.h"

struct sqlite3_stmt;

namespace replicast::sqlite {

// A prepared statement. Not thread safe; dies before its Database. Parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // A Text is taken to be in the database's encoding, and is stored byte for byte.
  Statement& Bind(int index, const Value& value);
  Statement& BindInt(int index, int64_t value);
  Statement& BindText(int index, std::string_view text);  // UTF-8; copied
  Statement& BindBlob(int index, std::string_view blob);  // copied
  Statement& BindNull(int index);
  // Not copied: the value must live until it is bound anew, or the statement is not stepped any more.
  Statement& BindView(int index, const Value& value);

  // True: a row is there. False: done, and the statement is reset. An error also resets it.
  absl::StatusOr<bool> Step();
  // Runs to the end, dropping rows, and resets.
  absl::Status Run();
  void Reset();  // also clears bindings

  int ColumnCount() const;
  std::vector<std::string> ColumnNames() const;
  Value Column(int index) const;  // a Text in the database's encoding
  Row Columns(int first, int count) const;
  int64_t Int(int index) const;
  std::string Bytes(int index) const;           // text as UTF-8, or blob
  std::string_view BytesView(int index) const;  // text as it is stored, or blob; valid until the next Step
  bool IsNull(int index) const;

  sqlite3_stmt* handle() const { return statement_; }

 private:
  friend class Database;
  Statement& BindStored(int index, std::string_view text);
  Statement(sqlite3_stmt* statement, TextEncoding encoding) : statement_(statement), encoding_(encoding) {}
  sqlite3_stmt* statement_ = nullptr;
  TextEncoding encoding_ = TextEncoding::kUtf8;
};

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_STATEMENT_H_
