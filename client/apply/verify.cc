#include "client/apply/verify.h"

#include "common/base/errors.h"

namespace replicast {

absl::StatusOr<std::vector<std::string>> DifferingTables(const ReplicaDatabase::Actual& actual,
                                                         const v1::CompareResponse& master) {
  std::vector<bool> told(actual.tables.size());
  std::vector<std::string> names;
  for (const v1::TableDigest& digest : master.digests()) {
    const auto expected = Digest::FromBytes(digest.digest());
    if (digest.table() >= told.size() || told[digest.table()] || !expected) {
      return Error(absl::StatusCode::kInternal, "ANSWER_MALFORMED",
                   "the server's digests are not about the tables of this replica");
    }
    told[digest.table()] = true;
    const TableState& mine = actual.tables[digest.table()];
    if (!(mine.digest == *expected) || mine.rows != digest.row_count()) names.push_back(actual.names[digest.table()]);
  }
  for (const bool each : told) {
    if (!each)
      return Error(absl::StatusCode::kInternal, "ANSWER_MALFORMED",
                   "the server's digests leave a table of this replica out");
  }
  return names;
}

}  // namespace replicast
