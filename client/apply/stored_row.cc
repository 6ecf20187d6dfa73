#include "client/apply/stored_row.h"

#include <sqlite3.h>

#include "common/wire/row_hash.h"

namespace replicast {

Digest HashStoredRow(std::string_view table, const sqlite::Statement& row, int columns) {
  wire::RowHasher hasher(table);
  for (int i = 0; i < columns; ++i) {
    switch (sqlite3_column_type(row.handle(), i)) {
      case SQLITE_TEXT:
        hasher.AddBytes(StorageClass::kText, row.BytesView(i));
        break;
      case SQLITE_BLOB:
        hasher.AddBytes(StorageClass::kBlob, row.BytesView(i));
        break;
      default:
        hasher.Add(row.Column(i));
    }
  }
  return hasher.Finish();
}

}  // namespace replicast
