#ifndef REPLICAST_SERVER_CAPTURE_SQLITE_SOURCE_H_
#define REPLICAST_SERVER_CAPTURE_SQLITE_SOURCE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/sqlite/disk_sync.h"
#include "server/capture/master_connection.h"
#include "server/capture/schema_check.h"
#include "server/capture/source_options.h"
#include "server/source/source.h"

namespace replicast::capture {

// A master database in a SQLite file: the update hook writes the outbox, this reads it. Its connection never writes,
// checkpoints or locks a writer out; only Capture opens another one, for a moment. At most one Reading at a time,
// besides detached ones. One thread.
class SqliteSource : public Source {
 public:
  using Options = SourceOptions;
  static absl::StatusOr<std::unique_ptr<SqliteSource>> Open(const Options& options, const Clock& clock);

  absl::StatusOr<Relation> Describe(const std::string& table) override;
  absl::StatusOr<std::vector<std::string>> Tables() override;
  absl::StatusOr<std::vector<View>> Views() override;
  absl::StatusOr<std::vector<Reading::Change>> Capture(const std::vector<Relation>& relations) override;
  void Attach(const std::vector<Relation>& relations) override;
  absl::StatusOr<std::unique_ptr<Reading>> Read(const Tail& published) override;
  absl::StatusOr<std::unique_ptr<Reading>> ReadDetached(const Tail& published) override;
  absl::Status MakeDurable() override;

  // Whether anybody committed since the last Read began, as far as readers can see it already. Takes no lock. True also
  // when it can't tell, and when another file stands in the master's place.
  bool MayHaveChanged();

  const Options& options() const { return options_; }

 private:
  SqliteSource(const Options& options, const Clock& clock) : options_(options), clock_(clock) {}
  absl::Status Reopen();
  // A file moved over the master leaves our descriptors on the old one.
  absl::Status FollowTheFile();

  Options options_;
  const Clock& clock_;
  std::shared_ptr<MasterConnection> connection_;  // null while the master can't be opened
  Relations relations_ = std::make_shared<const std::map<uint32_t, Relation>>();
  int64_t data_version_ = -1;
  sqlite::DiskSync disk_sync_;
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_SQLITE_SOURCE_H_
