#ifndef REPLICAST_CLIENT_SNAPSHOT_PROGRESS_H_
#define REPLICAST_CLIENT_SNAPSHOT_PROGRESS_H_

#include <absl/time/time.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace replicast {

// How far a snapshot is: rows, bytes, rate, time left. One line that is drawn over on a terminal, else a line a second.
// One thread.
class SnapshotProgress {
 public:
  SnapshotProgress(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}

  // `rows_total`: 0 when unknown.
  void Update(uint64_t rows, uint64_t bytes, uint64_t rows_total, absl::Time now);
  // The snapshot is shown: says what it took.
  void Done(absl::Time now);
  // A line of somebody else goes out whole.
  void PrintLine(const std::string& line);
  absl::Time NextDeadline() const { return running_ ? next_ : absl::InfiniteFuture(); }

 private:
  std::string Text(absl::Time now) const;
  void Clear();

  std::FILE* const out_;
  const bool terminal_;
  bool running_ = false, drawn_ = false;
  absl::Time started_ = absl::InfinitePast(), next_ = absl::InfinitePast();
  uint64_t first_rows_ = 0, rows_ = 0, bytes_ = 0, rows_total_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SNAPSHOT_PROGRESS_H_
