#ifndef REPLICAST_COMMON_BASE_TEMPORARY_FOLDER_H_
#define REPLICAST_COMMON_BASE_TEMPORARY_FOLDER_H_

#include <filesystem>
#include <string>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/random.h"

namespace replicast {

// For tests: a folder of its own, which goes with the object, and everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / ("replicast-" + HexEncode(SystemRandom().Bytes(8)))) {
    REPLICAST_CHECK(std::filesystem::create_directory(path_));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_TEMPORARY_FOLDER_H_
