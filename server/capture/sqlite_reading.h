#ifndef REPLICAST_SERVER_CAPTURE_SQLITE_READING_H_
#define REPLICAST_SERVER_CAPTURE_SQLITE_READING_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "server/capture/master_connection.h"
#include "server/capture/schema_check.h"
#include "server/capture/source_options.h"
#include "server/source/source.h"

namespace replicast::capture {

// One read transaction on a connection, which it shares with the source, or alone has when it is detached. One thread.
class SqliteReading : public Reading {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteReading>> Begin(std::shared_ptr<MasterConnection> connection,
                                                              Relations relations, const Tail& published,
                                                              const SourceOptions& options, const Clock& clock);
  ~SqliteReading() override;

  Tail newest() const override { return newest_; }
  Past past() const override { return past_; }
  absl::Time wall() const override { return wall_; }
  int64_t schema() const override { return schema_; }
  const std::vector<Change>& changes() const override { return *changes_; }
  absl::Status ForEachTouched(uint64_t after, const TouchedFunction& function) override;
  absl::Status ForEachNoted(uint64_t after, const std::map<uint32_t, size_t>& columns,
                            const NotedFunction& function) override;
  absl::Status ForEachRow(const Relation& relation, const Row* after_key, const RowFunction& function) override;
  absl::StatusOr<bool> Find(const Relation& relation, const Row& key, Row* row) override;
  absl::StatusOr<uint64_t> CountRows(const Relation& relation) override;

 private:
  class Touched;
  SqliteReading(std::shared_ptr<MasterConnection> connection, Relations relations, std::optional<ServerId> owner)
      : connection_(std::move(connection)), relations_(std::move(relations)), owner_(owner) {}
  absl::Status ReadNewest();
  // A missing outbox or owner has a reason of its own.
  absl::Status WhyUnread(absl::Status status);
  absl::Status ReadTail(const Tail& published);
  absl::Status CheckSchema(uint64_t outbox_capacity);

  std::shared_ptr<MasterConnection> connection_;
  Relations relations_;
  std::optional<ServerId> owner_;
  std::shared_ptr<const std::vector<Change>> changes_;
  int64_t schema_ = 0;
  bool begun_ = false;
  Tail newest_;
  Past past_ = Past::kSame;
  absl::Time wall_;
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_SQLITE_READING_H_
