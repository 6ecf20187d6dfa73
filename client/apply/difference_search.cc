#include "client/apply/difference_search.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "client/apply/key_range.h"
#include "client/apply/replica_schema.h"
#include "client/apply/replica_state.h"
#include "client/apply/stored_row.h"
#include "common/base/digest.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/ordered_key.h"
#include "common/sqlite/database.h"
#include "common/wire/position_proto.h"

namespace replicast {
namespace {

// Ranges of up to so many rows are compared row by row.
constexpr uint64_t kFewRows = 500;
// Longer keys end no range: 512 of them go into one message.
constexpr size_t kMostKeyBytes = 4u << 10;

absl::Status Malformed(const char* why) {
  return Error(absl::StatusCode::kDataLoss, "ANSWER_MALFORMED",
               std::string("the server's answer is malformed: ") + why);
}

struct Segment {
  std::string through;
  TableState state;
};

class TableSearch {
 public:
  TableSearch(sqlite::Database& database, const v1::TableSchema& table, v1::CompareRequest request, size_t most,
              const AskForRanges& ask, Differences* differences)
      : database_(database),
        table_(table),
        request_(std::move(request)),
        most_(most),
        ask_(ask),
        differences_(*differences) {}

  absl::Status Run() {
    std::vector<KeyRange> open = {KeyRange()};
    while (!open.empty() && !differences_.more) {
      const KeyRange range = open.back();
      open.pop_back();
      ASSIGN_OR_RETURN(std::vector<KeyRange> inner, Halve(range));
      open.insert(open.end(), inner.rbegin(), inner.rend());
    }
    return absl::OkStatus();
  }

 private:
  using RowFunction = std::function<bool(std::string key, const Digest& hash)>;

  absl::Status ForEachRow(const KeyRange& range, const RowFunction& function) {
    return replicast::ForEachRow(
        database_, table_, range, [&](std::string key, const sqlite::Statement& row) -> absl::StatusOr<bool> {
          return function(std::move(key), HashStoredRow(table_.name(), row, table_.columns_size()));
        });
  }

  // At most kMaxRanges segments of about as many rows.
  absl::StatusOr<std::vector<Segment>> SegmentsOf(const KeyRange& range) {
    std::vector<Segment> segments = {Segment()};
    uint64_t each = 1;
    RETURN_IF_ERROR(ForEachRow(range, [&](std::string key, const Digest& hash) {
      Segment& last = segments.back();
      last.state.digest += hash;
      ++last.state.rows;
      if (last.state.rows < each || key.size() > kMostKeyBytes) return true;
      last.through = std::move(key);
      segments.emplace_back();
      if (segments.size() < limits::kMaxRanges) return true;
      Pair(&segments);
      each *= 2;
      return true;
    }));
    segments.back().through = range.through;
    return segments;
  }

  // Every two become one; the open last one stays.
  static void Pair(std::vector<Segment>* segments) {
    std::vector<Segment> paired;
    for (size_t i = 0; i + 1 < segments->size(); i += 2) {
      Segment& segment = paired.emplace_back(std::move((*segments)[i]));
      if (i + 2 >= segments->size()) break;
      segment.through = std::move((*segments)[i + 1].through);
      segment.state.digest += (*segments)[i + 1].state.digest;
      segment.state.rows += (*segments)[i + 1].state.rows;
    }
    paired.push_back(std::move(segments->back()));
    *segments = std::move(paired);
  }

  absl::StatusOr<v1::CompareResponse> Ask(const KeyRange& range, const std::vector<Segment>& segments, bool rows) {
    v1::CompareRequest request = request_;
    request.mutable_ranges()->set_after_key(range.after);
    for (const Segment& segment : segments) request.mutable_ranges()->add_through_keys(segment.through);
    request.mutable_ranges()->set_rows(rows);
    ASSIGN_OR_RETURN(v1::CompareResponse answer, ask_(request));
    if (answer.ranges_size() != static_cast<int>(segments.size())) return Malformed("it has not one digest a range");
    return answer;
  }

  // The ranges within that differ; rows, where it is small, are noted at once.
  absl::StatusOr<std::vector<KeyRange>> Halve(const KeyRange& range) {
    ASSIGN_OR_RETURN(std::vector<Segment> segments, SegmentsOf(range));
    uint64_t rows = 0;
    for (const Segment& segment : segments) rows += segment.state.rows;
    if (rows <= kFewRows) return CompareRows(range);
    ASSIGN_OR_RETURN(const v1::CompareResponse answer, Ask(range, segments, false));
    RETURN_IF_ERROR(LeaveOut(answer, range, &segments));
    std::vector<KeyRange> different;
    std::string after = range.after;
    for (size_t i = 0; i < segments.size(); ++i) {
      const auto digest = Digest::FromBytes(answer.ranges(static_cast<int>(i)).digest());
      if (!digest) return Malformed("a digest has another size");
      if (!(segments[i].state == TableState{*digest, answer.ranges(static_cast<int>(i)).row_count()}))
        different.push_back({after, segments[i].through});
      after = segments[i].through;
    }
    return different;
  }

  // Takes rows that units will bring out of the segments.
  absl::Status LeaveOut(const v1::CompareResponse& answer, const KeyRange& range, std::vector<Segment>* segments) {
    if (answer.changed_keys().empty()) return absl::OkStatus();
    const std::set<std::string> changed(answer.changed_keys().begin(), answer.changed_keys().end());
    auto segment = segments->begin();
    return ForEachRow(range, [&](const std::string& key, const Digest& hash) {
      while (!segment->through.empty() && key > segment->through) ++segment;
      if (!changed.contains(key)) return true;
      segment->state.digest -= hash;
      --segment->state.rows;
      return true;
    });
  }

  // What is left of the range where the server told only its first rows.
  absl::StatusOr<std::vector<KeyRange>> CompareRows(const KeyRange& range) {
    ASSIGN_OR_RETURN(const v1::CompareResponse answer, Ask(range, {Segment{range.through, {}}}, true));
    const v1::RangeDigest& theirs = answer.ranges(0);
    const bool whole = static_cast<uint64_t>(theirs.rows_size()) == theirs.row_count();
    if (!whole && theirs.rows().empty()) return Malformed("it tells no row");
    const KeyRange told = {range.after, whole ? range.through : theirs.rows().rbegin()->key()};
    if (!whole && (told.through <= range.after || (!range.through.empty() && told.through > range.through)))
      return Malformed("its rows are of another range");
    const std::set<std::string> changed(answer.changed_keys().begin(), answer.changed_keys().end());
    std::map<std::string, std::string> missing;  // key → hash, of rows that were not met here yet
    for (const v1::RowDigest& row : theirs.rows()) missing[row.key()] = row.hash();
    absl::Status status;
    RETURN_IF_ERROR(ForEachRow(told, [&](const std::string& key, const Digest& hash) {
      if (changed.contains(key)) return true;
      const auto found = missing.find(key);
      if (found == missing.end()) {
        status.Update(Note(key, RowDifference::Kind::kExtra));
      } else if (found->second != hash.ToBytes()) {
        status.Update(Note(key, RowDifference::Kind::kOther));
      }
      if (found != missing.end()) missing.erase(found);
      return status.ok() && !differences_.more;
    }));
    for (const auto& [key, hash] : missing) status.Update(Note(key, RowDifference::Kind::kMissing));
    RETURN_IF_ERROR(status);
    if (whole) return std::vector<KeyRange>();
    return std::vector<KeyRange>{{told.through, range.through}};
  }

  absl::Status Note(const std::string& encoded, RowDifference::Kind kind) {
    if (differences_.rows.size() >= most_) {
      differences_.more = true;
      return absl::OkStatus();
    }
    std::optional<Row> key = DecodeOrderedKey(encoded, static_cast<size_t>(table_.key_columns_size()));
    if (!key) return Malformed("a key is none");
    differences_.rows.push_back({table_.name(), *std::move(key), kind});
    return absl::OkStatus();
  }

  sqlite::Database& database_;
  const v1::TableSchema& table_;
  const v1::CompareRequest request_;
  const size_t most_;
  const AskForRanges& ask_;
  Differences& differences_;
};

}  // namespace

absl::StatusOr<Differences> FindDifferences(const std::string& path, const std::vector<std::string>& tables,
                                            size_t most, const AskForRanges& ask) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> database,
                   sqlite::Database::Open(path, {.read_only = true, .no_checkpoint_on_close = true}));
  RETURN_IF_ERROR(database->Execute("BEGIN"));
  ASSIGN_OR_RETURN(const std::optional<ReplicaState> state, replica_state::Load(*database));
  if (!state || !state->position) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOT_A_REPLICA", path + " is no replica that shows anything");
  }
  Differences differences;
  differences.encoding = database->encoding();
  v1::CompareRequest request;
  *request.mutable_position() = ToProto(*state->position);
  for (int i = 0; i < state->schema.tables_size() && !differences.more; ++i) {
    const v1::TableSchema& table = state->schema.tables(i);
    if (std::find(tables.begin(), tables.end(), table.name()) == tables.end()) continue;
    request.mutable_ranges()->set_table(static_cast<uint32_t>(i));
    // One that isn't there has no rows to tell apart.
    ASSIGN_OR_RETURN(const bool there, IsTable(*database, table));
    if (!there) continue;
    RETURN_IF_ERROR(TableSearch(*database, table, request, most, ask, &differences).Run());
  }
  return differences;
}

}  // namespace replicast
