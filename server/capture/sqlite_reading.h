#ifndef REPLICAST_SERVER_CAPTURE_SQLITE_READING_H_
#define REPLICAST_SERVER_CAPTURE_SQLITE_READING_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/sqlite/database.h"
#include "server/source/source.h"

namespace replicast::capture {

// A connection to the master for reading, with its prepared statements. One thread at a time.
struct MasterConnection {
  struct Lookup {
    std::string ddl;  // of the relation that the statement was made for
    sqlite::Statement statement;
  };
  std::unique_ptr<sqlite::Database> database;
  std::map<uint32_t, Lookup> lookups;  // by relation: a row by its key
  // What the schema cookie was when the relations were last compared with the master, and what came out.
  int64_t checked_cookie = -1;
  std::vector<Reading::Change> changes;
};

// One read transaction on a connection, which it borrows, or owns when it is detached.
class SqliteReading : public Reading {
 public:
  using Relations = std::shared_ptr<const std::map<uint32_t, Relation>>;
  static absl::StatusOr<std::unique_ptr<SqliteReading>> Begin(std::shared_ptr<MasterConnection> connection, Relations relations,
                                                              const Tail& published, uint64_t outbox_capacity, const Clock& clock);
  ~SqliteReading() override;

  Tail newest() const override { return newest_; }
  Past past() const override { return past_; }
  absl::Time wall() const override { return wall_; }
  const std::vector<Change>& changes() const override { return connection_->changes; }
  absl::Status ForEachTouched(uint64_t after, const TouchedFunction& function) override;
  absl::Status ForEachRow(const Relation& relation, const Row* after_key, const RowFunction& function) override;
  absl::StatusOr<uint64_t> CountRows(const Relation& relation) override;

 private:
  SqliteReading(std::shared_ptr<MasterConnection> connection, Relations relations)
      : connection_(std::move(connection)), relations_(std::move(relations)) {}
  absl::Status ReadTail(const Tail& published);
  absl::Status CheckSchema(uint64_t outbox_capacity);
  absl::Status Touch(const Relation& relation, const Row& key, const TouchedFunction& function);
  absl::StatusOr<sqlite::Statement*> LookupOf(const Relation& relation);

  std::shared_ptr<MasterConnection> connection_;
  Relations relations_;
  Tail newest_;
  Past past_ = Past::kSame;
  absl::Time wall_;
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_SQLITE_READING_H_
