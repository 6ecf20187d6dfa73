#ifndef REPLICAST_SERVER_STORE_STATEMENTS_H_
#define REPLICAST_SERVER_STORE_STATEMENTS_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <memory>

#include "common/sqlite/database.h"

namespace replicast::store {

// Prepared statements of one connection, each prepared at its first use. Found by the address of its text, so only
// string literals may be given. Not thread safe; dies before the database.
class Statements {
 public:
  explicit Statements(sqlite::Database& database) : database_(database) {}
  // Reset and without bindings.
  absl::StatusOr<sqlite::Statement*> Get(const char* sql);
  sqlite::Database& database() { return database_; }

 private:
  sqlite::Database& database_;
  absl::flat_hash_map<const void*, std::unique_ptr<sqlite::Statement>> prepared_;
};

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_STATEMENTS_H_
