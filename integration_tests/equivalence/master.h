#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_MASTER_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_MASTER_H_

#include <absl/status/status.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "integration_tests/equivalence/application.h"
#include "integration_tests/equivalence/script.h"

namespace replicast::equivalence {

// A database file, and the connections of applications that write to it.
class Master {
 public:
  explicit Master(std::string path) : path_(std::move(path)) {}
  // `in_part`: statements of the DDL may fail.
  absl::Status Open(const std::vector<std::string>& ddl, bool in_part);

  // Runs a script's statement. A writer whose COMMIT or ALTER fails gives up: it rolls back.
  absl::Status Run(int number, const std::string& text);
  // Whether some writer is in one.
  bool InTransaction() const;
  Application& writer(int number) { return *writers_[static_cast<size_t>(number)]; }
  const std::string& path() const { return path_; }

 private:
  absl::Status OpenWriter(size_t number);

  const std::string path_;
  std::array<std::unique_ptr<Application>, kWriters> writers_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_MASTER_H_
