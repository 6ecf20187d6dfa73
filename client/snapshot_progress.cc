#include "client/snapshot_progress.h"

#include <algorithm>

#include "common/base/encoding.h"

namespace replicast {
namespace {

constexpr absl::Duration kBetweenLines = absl::Seconds(1);
constexpr absl::Duration kBetweenDrawings = absl::Milliseconds(200);
constexpr size_t kBarWidth = 24;

std::string Bar(double share) {
  const auto full = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * kBarWidth);
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "] ";
}

}  // namespace

void SnapshotProgress::Update(uint64_t rows, uint64_t bytes, uint64_t rows_total, absl::Time now) {
  if (!running_) {
    running_ = true;
    started_ = now;
    first_rows_ = rows;  // those of an earlier run cost nothing now
    next_ = now + (terminal_ ? kBetweenDrawings : kBetweenLines);
  }
  rows_ = rows;
  bytes_ = bytes;
  rows_total_ = rows_total;
  if (now < next_) return;
  next_ = now + (terminal_ ? kBetweenDrawings : kBetweenLines);
  std::fprintf(out_, terminal_ ? "\r\033[K%s" : "%s\n", Text(now).c_str());
  std::fflush(out_);
  drawn_ = terminal_;
}

std::string SnapshotProgress::Text(absl::Time now) const {
  const double seconds = std::max(absl::ToDoubleSeconds(now - started_), 0.001);
  const double rate = static_cast<double>(rows_ - std::min(first_rows_, rows_)) / seconds;
  std::string text = "snapshot: ";
  if (rows_total_ > 0 && terminal_) text += Bar(static_cast<double>(rows_) / static_cast<double>(rows_total_));
  text += HumanCount(rows_);
  if (rows_total_ > 0) text += " of " + HumanCount(std::max(rows_total_, rows_));
  text += " rows, " + HumanBytes(bytes_) + ", " + HumanCount(static_cast<uint64_t>(rate)) + " rows/s";
  if (rows_total_ > rows_ && rate >= 1)
    text += ", " + HumanSeconds(static_cast<double>(rows_total_ - rows_) / rate) + " left";
  return text;
}

void SnapshotProgress::Done(absl::Time now) {
  if (!running_) return;
  running_ = false;
  const double seconds = absl::ToDoubleSeconds(now - started_);
  PrintLine("snapshot complete: " + HumanCount(rows_) + " rows, " + HumanBytes(bytes_) + " in " +
            HumanSeconds(seconds));
}

void SnapshotProgress::PrintLine(const std::string& line) {
  Clear();
  std::fprintf(out_, "%s\n", line.c_str());
  std::fflush(out_);
}

void SnapshotProgress::Clear() {
  if (drawn_) std::fputs("\r\033[K", out_);
  drawn_ = false;
}

}  // namespace replicast
