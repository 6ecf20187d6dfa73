#ifndef REPLICAST_SERVER_CAPTURE_MASTER_CONNECTION_H_
#define REPLICAST_SERVER_CAPTURE_MASTER_CONNECTION_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/sqlite/database.h"
#include "server/source/source.h"

namespace replicast::capture {

// A connection to the master that only reads, with its prepared statements, which it keeps between readings. One thread
// at a time.
class MasterConnection {
 public:
  // Refuses a master that keeps no write-ahead log.
  static absl::StatusOr<std::shared_ptr<MasterConnection>> Open(const std::string& path, const std::string& vfs);

  // A statement for one use; goes back, reset, when the lease ends. Ends before the connection.
  struct Shelf;
  class Lease {
   public:
    Lease(Shelf* home, sqlite::Statement statement) : home_(home), statement_(std::move(statement)) {}
    Lease(Lease&& other) noexcept
        : home_(std::exchange(other.home_, nullptr)), statement_(std::move(other.statement_)) {}
    ~Lease();
    sqlite::Statement* operator->() { return &statement_; }
    sqlite::Statement& operator*() { return statement_; }

   private:
    Shelf* home_;
    sqlite::Statement statement_;
  };
  absl::StatusOr<Lease> Use(const std::string& sql);
  // The first column of the one row that the statement has.
  absl::StatusOr<int64_t> Number(const std::string& sql);

  struct Shelf {
    std::vector<sqlite::Statement> free;
    int leased = 0;
  };

  sqlite::Database& database() { return *database_; }

  // What came out when relations were last compared with the master's schema: valid for these relations, while the
  // schema's cookie is that.
  struct SchemaCheck {
    int64_t cookie = -1;
    std::shared_ptr<const void> relations;
    std::shared_ptr<const std::vector<Reading::Change>> changes;
  };
  SchemaCheck check;

 private:
  explicit MasterConnection(std::unique_ptr<sqlite::Database> database) : database_(std::move(database)) {}

  std::unique_ptr<sqlite::Database> database_;         // outlives its statements
  std::unordered_map<std::string, Shelf> statements_;  // by SQL
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_MASTER_CONNECTION_H_
