#include "client/apply/sequence_table.h"

#include "client/apply/replica_schema.h"
#include "common/base/errors.h"

namespace replicast {

absl::Status ClearSequenceTable(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const bool there, IsTable(database, sqlite::kSequenceTable));
  if (there) return database.Execute("DELETE FROM sqlite_sequence");
  // SQLite makes it with the first such table, and keeps it.
  return database.Execute(
      "CREATE TABLE _replicast_sequence(id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE _replicast_sequence");
}

absl::Status RenameTable(sqlite::Database& database, const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(
      database.Execute("ALTER TABLE " + sqlite::QuoteIdentifier(from) + " RENAME TO " + sqlite::QuoteIdentifier(to)));
  ASSIGN_OR_RETURN(const bool sequences, IsTable(database, sqlite::kSequenceTable));
  if (!sequences) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Statement back, database.Prepare("UPDATE sqlite_sequence SET name = ?1 WHERE name = ?2"));
  return back.BindText(1, from).BindText(2, to).Run();
}

}  // namespace replicast
