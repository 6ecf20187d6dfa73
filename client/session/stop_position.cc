#include "client/session/stop_position.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

absl::Status Cant(const char* reason, const std::string& message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

}  // namespace

std::optional<Until> ParseUntil(const std::string& text) {
  const size_t slash = text.find('/');
  const std::optional<Lsn> lsn = Lsn::FromText(slash == std::string::npos ? text : text.substr(slash + 1));
  if (!lsn) return std::nullopt;
  if (slash == std::string::npos) return Until{std::nullopt, *lsn};
  const auto bytes = HexDecode(text.substr(0, slash));
  const auto history = bytes ? HistoryId::FromBytes(*bytes) : std::nullopt;
  if (!history) return std::nullopt;
  return Until{history, *lsn};
}

std::string StopPosition::ToText() const {
  if (!until_) return "";
  const HistoryId history = until_->history.value_or(history_);
  return history.empty() ? until_->lsn.ToText() : history.ToHex() + "/" + until_->lsn.ToText();
}

absl::Status StopPosition::Begin(const std::optional<Position>& have, const Position& server) {
  if (!until_) return absl::OkStatus();
  if (history_.empty()) history_ = until_->history.value_or(server.history);
  if (have && have->lsn > until_->lsn) {
    return Cant("UNTIL_PASSED", "this replica is at " + have->lsn.ToText() + " already, which is after " +
                                    until_->lsn.ToText() + ": it can't go back");
  }
  if (history_ != server.history && !(have && have->history == history_)) {
    return Cant("UNTIL_UNKNOWN", "position " + ToText() + " is of another history than the server's, " +
                                     server.history.ToHex() + ": `replicast status` shows where it stands");
  }
  return absl::OkStatus();
}

std::optional<absl::Status> StopPosition::Judge(const v1::UnitHeader& next) const {
  if (!until_) return std::nullopt;
  if (next.kind() == v1::UNIT_KIND_HISTORY && next.prev_history_id() == history_.view()) {
    if (next.until_lsn() >= until_->lsn.value) return absl::OkStatus();
    return Cant("UNTIL_UNKNOWN",
                "the history of position " + ToText() + " ended at " + Lsn{next.until_lsn()}.ToText() + ", before it");
  }
  if (next.last_lsn() > until_->lsn.value) return absl::OkStatus();
  return std::nullopt;
}

absl::Status StopPosition::Passed() const {
  return Cant("UNTIL_PASSED", "position " + ToText() +
                                  " is past: no units lead there from what this replica has, and a snapshot shows what "
                                  "the master has now");
}

bool StopPosition::Reached(const Position& at) const {
  return until_ && at.history == history_ && at.lsn >= until_->lsn;
}

}  // namespace replicast
