#ifndef REPLICAST_CLIENT_APPLY_TABLE_WRITER_H_
#define REPLICAST_CLIENT_APPLY_TABLE_WRITER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/base/digest.h"
#include "common/base/value.h"
#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// Deletes and inserts rows of one table, and keeps its digest: what leaves it is the hash of the row that was really
// there. In the caller's transaction.
class TableWriter {
 public:
  // `name` is the table's own or staging's; hashes always count under the table's own name.
  static absl::StatusOr<std::unique_ptr<TableWriter>> Open(sqlite::Database& database, const v1::TableSchema& schema,
                                                           const std::string& name);

  absl::Status Delete(const Row& key, TableState* state);
  // True: it met nothing. False: a row that should not be there held its key or a unique value; it was replaced.
  absl::StatusOr<bool> Insert(const Row& row, TableState* state);
  Row KeyOf(const Row& row) const;
  const v1::TableSchema& schema() const { return schema_; }

 private:
  // How rows of a key are found, and go.
  struct Removal {
    sqlite::Statement lookup, remove;
  };

  TableWriter(v1::TableSchema schema, Removal exact, Removal equal, sqlite::Statement insert, sqlite::Statement replace)
      : schema_(std::move(schema)),
        exact_(std::move(exact)),
        equal_(std::move(equal)),
        insert_(std::move(insert)),
        replace_(std::move(replace)) {}
  v1::TableSchema schema_;
  absl::Status Delete(const Row& key, Removal* removal, TableState* state);

  Removal exact_, equal_;
  sqlite::Statement insert_, replace_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_TABLE_WRITER_H_
