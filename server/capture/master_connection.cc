#include "server/capture/master_connection.h"

#include "common/base/errors.h"
#include "server/capture/master_file.h"

namespace replicast::capture {
namespace {

// Relations come and go, and their statements stay behind: beyond this many texts, those not in use are dropped.
constexpr size_t kMostTexts = 2000;

}  // namespace

absl::StatusOr<std::shared_ptr<MasterConnection>> MasterConnection::Open(const std::string& path,
                                                                         const std::string& vfs) {
  absl::StatusOr<std::unique_ptr<sqlite::Database>> database = OpenMasterForReading(path, vfs);
  // Nobody else keeps readers of a write-ahead log out.
  if (ReasonOf(database.status()) == "DATABASE_BUSY") {
    return Error(database.status().code(), "DATABASE_BUSY",
                 path +
                     ": another program has it for itself alone (PRAGMA locking_mode=EXCLUSIVE): nothing can be read "
                     "until it lets go, and what it wrote is published then; use locking_mode=NORMAL");
  }
  RETURN_IF_ERROR(database.status());
  RETURN_IF_ERROR(CheckWal(**database));
  return std::shared_ptr<MasterConnection>(new MasterConnection(*std::move(database)));
}

MasterConnection::Lease::~Lease() {
  if (home_ == nullptr) return;
  statement_.Reset();
  home_->free.push_back(std::move(statement_));
  --home_->leased;
}

absl::StatusOr<MasterConnection::Lease> MasterConnection::Use(const std::string& sql) {
  if (statements_.size() > kMostTexts) {
    std::erase_if(statements_, [](const auto& entry) { return entry.second.leased == 0; });
  }
  Shelf& shelf = statements_[sql];
  if (shelf.free.empty()) {
    ASSIGN_OR_RETURN(sqlite::Statement statement, database_->Prepare(sql));
    ++shelf.leased;
    return Lease(&shelf, std::move(statement));
  }
  sqlite::Statement statement = std::move(shelf.free.back());
  shelf.free.pop_back();
  ++shelf.leased;
  return Lease(&shelf, std::move(statement));
}

absl::StatusOr<int64_t> MasterConnection::Number(const std::string& sql) {
  ASSIGN_OR_RETURN(Lease lease, Use(sql));
  ASSIGN_OR_RETURN(const bool row, lease->Step());
  REPLICAST_CHECK(row);
  return lease->Int(0);
}

}  // namespace replicast::capture
