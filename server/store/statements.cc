#include "server/store/statements.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast::store {

absl::StatusOr<sqlite::Statement*> Statements::Get(const char* sql) {
  std::unique_ptr<sqlite::Statement>& statement = prepared_[static_cast<const void*>(sql)];
  if (statement == nullptr) {
    ASSIGN_OR_RETURN(sqlite::Statement prepared, database_.Prepare(sql));
    statement = std::make_unique<sqlite::Statement>(std::move(prepared));
  } else {
    statement->Reset();
  }
  return statement.get();
}

}  // namespace replicast::store
