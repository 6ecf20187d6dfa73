#include "server/publish/scrub.h"

#include <algorithm>
#include <memory>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "server/publish/differences.h"

namespace replicast::publish {
namespace {

constexpr uint64_t kRowsAStep = 512;  // about a millisecond, for which a commit may have to wait
constexpr size_t kMostFindings = 100;
constexpr absl::Duration kTryAgain = absl::Seconds(1);

}  // namespace

class Scrub::Range : public Differences {
 public:
  absl::StatusOr<bool> OnRow(const Row&, const Row&) override { return ++rows_ < kRowsAStep && !full(); }
  uint64_t rows() const { return rows_; }

 private:
  uint64_t rows_ = 0;
};

absl::StatusOr<absl::Duration> Scrub::Step() {
  const absl::Time began = core_.clock.Now();
  absl::StatusOr<std::unique_ptr<Reading>> reading = drain_.RunAndRead();
  if (absl::IsUnavailable(reading.status())) return kTryAgain;
  if (!reading.ok()) return reading.status();
  if (!passing_) BeginPass();
  const Relation* relation = Present();
  if (relation == nullptr) {
    EndPass();
    return hurried_ ? absl::ZeroDuration() : core_.options.scrub_interval;
  }
  Range range;
  ASSIGN_OR_RETURN(after_, CompareRange(core_, core_.router, **reading, *relation, after_, "", range));
  report_.rows_compared += range.rows();
  RETURN_IF_ERROR(Publish(**reading, *relation, range));
  const absl::Duration pause = Pause(range.rows(), core_.clock.Now() - began);
  if (after_.empty()) ++relation_;
  if (Present() == nullptr) EndPass();
  return pause;
}

void Scrub::Hurry() {
  passing_ = false;
  hurried_ = true;
  report_.hurried = true;
}

void Scrub::BeginPass() {
  passing_ = true;
  relation_ = 0;
  after_.clear();
  // Filters may leave rows out that have to be compared all the same: the pass before tells better.
  uint64_t published = 0;
  for (const auto& [id, stream] : core_.streams) published = std::max(published, core_.Info(stream).row_count);
  expected_rows_ = std::max({published, report_.rows_compared, kRowsAStep});
  report_.rows_compared = 0;
  report_.pass_began = core_.clock.Wall();
}

void Scrub::EndPass() {
  passing_ = false;
  ++report_.passes;
  report_.last_pass_ended = core_.clock.Wall();
  report_.last_pass_took = report_.last_pass_ended - report_.pass_began;
  hurried_ = false;
  report_.hurried = false;
}

// The relation to go on with, at or behind the present one; nullptr: the pass is done.
const Relation* Scrub::Present() {
  for (auto at = core_.relations.lower_bound(relation_); at != core_.relations.end(); ++at) {
    if (!core_.router.Wants(at->first)) continue;
    if (at->first != relation_) after_.clear();
    relation_ = at->first;
    return &at->second;
  }
  return nullptr;
}

absl::Status Scrub::Publish(Reading& reading, const Relation& relation, const Range& range) {
  if (range.found().empty()) return absl::OkStatus();
  RETURN_IF_ERROR(range.Publish(core_, reading, relation));
  ScrubFinding finding;
  finding.at = core_.clock.Wall();
  finding.table = relation.name;
  finding.rows = range.found().size();
  for (const Value& value : range.found()[0].key)
    finding.first_key += (finding.first_key.empty() ? "" : ", ") + ToDisplay(value, relation.encoding);
  spdlog::warn(
      "scrub: {} rows of table {} (the first one: {}) had changed unnoticed, as by a connection with triggers "
      "disabled; they are published now",
      finding.rows, finding.table, finding.first_key);
  report_.rows_found += finding.rows;
  report_.findings.push_back(std::move(finding));
  if (report_.findings.size() > kMostFindings) report_.findings.erase(report_.findings.begin());
  return absl::OkStatus();
}

absl::Duration Scrub::Pause(uint64_t rows, absl::Duration took) const {
  if (hurried_) return absl::ZeroDuration();
  const absl::Duration even = core_.options.scrub_interval * static_cast<double>(std::max<uint64_t>(rows, 1)) /
                              static_cast<double>(expected_rows_);
  return std::max(std::min(even, core_.options.scrub_interval), took * (1 / core_.options.scrub_share - 1));
}

}  // namespace replicast::publish
