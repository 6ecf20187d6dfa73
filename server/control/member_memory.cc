#include "server/control/member_memory.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/errors.h"
#include "common/base/log.h"

namespace replicast::control {
namespace {

// Who follows by an open stream makes no calls; that it is there is noted this often.
constexpr absl::Duration kTouchEvery = absl::Minutes(1);

absl::Status OutOfRange(const char* reason, const std::string& message) {
  return Error(absl::StatusCode::kOutOfRange, reason, message);
}

}  // namespace

std::string MemberMemory::Absence(absl::Time since) const {
  const absl::Duration away = clock_.Wall() - since;
  if (away <= retention_) return "";
  return absl::StrCat("this member was away for ", absl::FormatDuration(absl::Trunc(away, absl::Seconds(1))),
                      ", longer than member_retention (", absl::FormatDuration(retention_),
                      "), so nothing was kept for it");
}

MemberMemory::Known MemberMemory::OnSubscribe(const MemberId& member, const std::string& dataset,
                                              const StreamInfo& stream, const std::optional<Position>& told,
                                              bool forget) {
  MemberPositions& positions = membership_.positions();
  const MemberPositions::Standing* before = positions.FindRemembered(member, dataset);
  const bool altered = (before != nullptr && before->definition != stream.definition_hash && before->position) ||
                       (told && told->definition != stream.definition_hash);
  const MemberPositions::Standing* same = positions.Find(member, stream.definition_hash);
  const std::string absence = same != nullptr && same->server_remembers() && same->position ? Absence(same->at) : "";
  positions.Remember(member, dataset, stream.definition_hash, clock_.Wall());
  if (forget) positions.ForgetPosition(member, stream.definition_hash);

  Known known;
  const std::optional<Position> remembered = positions.Find(member, stream.definition_hash)->position;
  const std::optional<Position> from = altered ? std::nullopt : told ? told : remembered;
  known.step = publisher_.NextStepFor(from, &known.reason);
  if (told && known.step == NextStep::kSnapshot) {
    // What it has leads nowhere; what it had acknowledged stays, until it acknowledges what it gets now.
  } else if (told && !altered) {
    positions.Note(member, *told, clock_.Wall());
    known.acknowledged = told;
  } else if (!altered) {
    known.acknowledged = remembered;
  }
  if (!from) known.reason.clear();
  if (altered) known.reason = "dataset '" + dataset + "' was altered";
  if (from && !absence.empty()) {
    known.reason = known.step == NextStep::kSnapshot ? absence + ": " + known.reason
                                                     : absence + "; what is stored leads on all the same";
  }
  return known;
}

absl::StatusOr<Position> MemberMemory::OnWatch(const MemberId& member, const std::string& dataset,
                                               const StreamInfo& stream) {
  MemberPositions& positions = membership_.positions();
  const MemberPositions::Standing* before = positions.FindRemembered(member, dataset);
  if (before != nullptr && before->position && before->definition != stream.definition_hash) {
    return OutOfRange("POSITION_UNKNOWN", "dataset '" + dataset +
                                              "' was altered since this program acknowledged: read its rows anew, and "
                                              "acknowledge where you are then");
  }
  const MemberPositions::Standing* same = positions.Find(member, stream.definition_hash);
  if (same != nullptr && same->position) {
    const Position from = *same->position;
    std::string why;
    if (publisher_.NextStepFor(from, &why) != NextStep::kSnapshot) {
      positions.Remember(member, dataset, stream.definition_hash, clock_.Wall());
      return from;
    }
    const std::string absence = Absence(same->at);
    return OutOfRange("POSITION_TRIMMED", absl::StrCat(absence, absence.empty() ? "" : ": ", why,
                                                       ": read its rows anew, and acknowledge where you are then"));
  }
  positions.Remember(member, dataset, stream.definition_hash, clock_.Wall());
  positions.Note(member, stream.position, clock_.Wall());
  RETURN_IF_ERROR(positions.Flush());
  return stream.position;
}

bool MemberMemory::Remembers(const MemberId& member, const DefinitionHash& stream) const {
  const MemberPositions::Standing* standing = membership_.positions().Find(member, stream);
  return standing != nullptr && standing->server_remembers();
}

absl::Status MemberMemory::Check(const StreamInfo& stream, const Position& position) const {
  if (position.definition != stream.definition_hash) {
    return Error(absl::StatusCode::kFailedPrecondition, "OTHER_DEFINITION",
                 "that position is of another definition than the dataset has now");
  }
  if (position.history == stream.position.history) {
    if (position.lsn <= stream.position.lsn) return absl::OkStatus();
    return OutOfRange("POSITION_AHEAD", absl::StrCat("position ", position.lsn.ToText(),
                                                     " is ahead of what this server has published, which ends at ",
                                                     stream.position.lsn.ToText()));
  }
  std::string why;
  if (publisher_.NextStepFor(position, &why) != NextStep::kSnapshot) return absl::OkStatus();
  return OutOfRange("POSITION_UNKNOWN", "nothing leads on from position " + position.ToText() + ": " + why);
}

bool MemberMemory::IsNewer(const StreamInfo& stream, const Position& position,
                           const std::optional<Position>& than) const {
  if (!than) return true;
  if (position.history == than->history) return position.lsn > than->lsn;
  if (than->history == stream.position.history) return false;
  std::string why;
  return position.history == stream.position.history || publisher_.NextStepFor(*than, &why) == NextStep::kSnapshot ||
         position.lsn > than->lsn;
}

absl::Status MemberMemory::Acknowledge(const MemberId& member, const StreamInfo& stream, const Position& position) {
  if (absl::Status possible = Check(stream, position); !possible.ok()) {
    ++refused_;
    spdlog::debug("member {} acknowledged what it can't have: {}", member.ToHex(), std::string(possible.message()));
    return possible;
  }
  MemberPositions& positions = membership_.positions();
  const MemberPositions::Standing* before = positions.Find(member, stream.definition_hash);
  if (IsNewer(stream, position, before == nullptr ? std::nullopt : before->position))
    positions.Note(member, position, clock_.Wall());
  else
    positions.Touch(member, stream.definition_hash, clock_.Wall());
  return absl::OkStatus();
}

absl::StatusOr<Position> MemberMemory::Acknowledge(const MemberId& member, const std::string& dataset,
                                                   const StreamInfo& stream, const Position& position) {
  RETURN_IF_ERROR(Acknowledge(member, stream, position));
  membership_.positions().Remember(member, dataset, stream.definition_hash, clock_.Wall());
  RETURN_IF_ERROR(membership_.positions().Flush());
  return *membership_.positions().Find(member, stream.definition_hash)->position;
}

bool MemberMemory::Holds(const MemberPositions::Standing& standing, const Following& following) const {
  if (!standing.server_remembers() || !standing.position) return false;
  if (!following.contains({standing.member, standing.definition}) && !Absence(standing.at).empty()) return false;
  const std::optional<Publisher::Kept> kept = publisher_.KeptFrom(*standing.position);
  return kept && kept->bytes > 0;
}

void MemberMemory::KeepHolds(const Following& following) {
  MemberPositions& positions = membership_.positions();
  std::map<std::pair<DefinitionHash, HistoryId>, Position> oldest;
  for (const MemberPositions::Standing& standing : positions.All()) {
    if (!standing.server_remembers() || !standing.position) continue;
    const bool follows = following.contains({standing.member, standing.definition});
    if (follows && clock_.Wall() - standing.at >= kTouchEvery)
      positions.Touch(standing.member, standing.definition, clock_.Wall());
    if (!follows && !Absence(standing.at).empty()) continue;
    const auto [one, first] =
        oldest.emplace(std::pair{standing.definition, standing.position->history}, *standing.position);
    if (!first) one->second.lsn = std::min(one->second.lsn, standing.position->lsn);
  }
  std::vector<Position> held;
  held_streams_.clear();
  for (const auto& [of, position] : oldest) {
    held.push_back(position);
    held_streams_.insert(of.first);
  }
  publisher_.Hold(held);
}

}  // namespace replicast::control
