#ifndef REPLICAST_SERVER_CAPTURE_TEST_MASTER_H_
#define REPLICAST_SERVER_CAPTURE_TEST_MASTER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/temporary_folder.h"
#include "common/sqlite/database.h"
#include "server/capture/sqlite_source.h"

namespace replicast::capture {

// For tests: a master in a folder of its own, with a writer that has no busy timeout, and a source of it. Everything
// goes with it.
class TestMaster {
 public:
  explicit TestMaster(uint64_t outbox_capacity = limits::kOutboxCapacity);

  std::string path(const std::string& name = "master.db") const { return folder_ + "/" + name; }
  sqlite::Database& writer() { return *writer_; }
  // Runs SQL as the writer; a failed one fails the test.
  void Run(const std::string& sql);
  Value Query(const std::string& sql);

  // Closes the writer's connection, as a program that ends does; and opens it again.
  void CloseWriter() { writer_.reset(); }
  void OpenWriter();

  // Open only from the first use on.
  SqliteSource& source();
  void CloseSource() { source_.reset(); }
  // Describes and captures the tables, with ids 1, 2, … in this order.
  std::vector<Relation> Capture(const std::vector<std::string>& tables);
  std::unique_ptr<Reading> Read(const Tail& published = Tail());
  // What ForEachTouched says: "table(key)" → the row's display, or "gone".
  std::map<std::string, std::string> Touched(const Tail& after);

  // Of another process: its exit code.
  static int Shell(const std::string& command);

 private:
  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  uint64_t outbox_capacity_;
  SystemClock clock_;
  std::unique_ptr<sqlite::Database> writer_;
  std::unique_ptr<SqliteSource> source_;
};

// "1, 'a', NULL"
std::string Display(const Row& row);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_TEST_MASTER_H_
