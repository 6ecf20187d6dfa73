#include "server/control/control_plane.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/dataset_names.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/rpc/errors.h"
#include "server/control/messages.h"

namespace replicast::control {
namespace {

// A snapshot of many tables, or a replica that repairs a lot, makes tens of calls a second; a follower less than one a
// minute.
constexpr double kMemberCallsPerSecond = 100, kMemberBurst = 400;
constexpr double kStrangerCallsPerSecond = 5, kStrangerBurst = 50;
constexpr size_t kMostStrangers = 4096;
// Denials that are noted; a member that asks for the forbidden all day must not fill the disk.
constexpr double kDenialsPerSecond = 1, kDenialBurst = 100;
// Members report at least every kReportIdle.
const absl::Duration kGrantLifetime = 5 * limits::kReportIdle;
// New definitions that a member asks for: each is an index to be built, and stays for a while.
constexpr double kDerivedPerSecond = 1 / 60.0, kDerivedBurst = 8;
constexpr absl::Duration kUnfollowedFor = absl::Minutes(10);
// Less than the deadline that callers give.
constexpr absl::Duration kWaitForAuthority = absl::Seconds(8);
constexpr absl::Duration kFlushEvery = absl::Seconds(5);
constexpr absl::Duration kTickEvery = absl::Milliseconds(200);
constexpr absl::Duration kAnswersKept = absl::Minutes(10);

absl::Status OverBudget(absl::Duration wait) {
  return rpc::WithRetryAfter(
      Error(absl::StatusCode::kResourceExhausted, "OVER_BUDGET", "too many calls: try again later"), wait);
}

bool IsAuthorizing(const absl::Status& status) { return ReasonOf(status) == "AUTHORIZING"; }

absl::Status Ending() {
  return Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the server is ending; try again in a moment");
}

}  // namespace

ControlPlane::ControlPlane(const Parts& parts, Facts facts)
    : parts_(parts),
      facts_(std::move(facts)),
      started_at_(parts.clock.Wall()),
      member_budget_(kMemberCallsPerSecond, kMemberBurst, limits::kMaxMembers),
      stranger_budget_(kStrangerCallsPerSecond, kStrangerBurst, kMostStrangers),
      denial_budget_(kDenialsPerSecond, kDenialBurst, limits::kMaxMembers),
      derived_budget_(kDerivedPerSecond, kDerivedBurst, limits::kMaxMembers),
      grants_(kGrantLifetime),
      answers_(kAnswersKept),
      comparisons_(parts.publisher, [&loop = parts.loop](std::function<void()> work) { loop.Post(std::move(work)); }),
      memory_(parts.membership, parts.publisher, parts.clock, facts_.member_retention) {
  parts_.engine.SetOnChanged([this](const std::set<DefinitionHash>& changed) {
    streams_.Wake(changed);
    waiters_.TryAll();
  });
  parts_.authority.SetOnChanged([this] { waiters_.TryAll(); });
}

void ControlPlane::SetAddresses(std::vector<std::string> members, std::vector<std::string> enrolment) {
  member_addresses_ = std::move(members);
  enrolment_addresses_ = std::move(enrolment);
}

void ControlPlane::RefreshEnrolment() {
  const bool open = !draining_ && parts_.authority.open_until() > parts_.clock.Wall();
  if (std::exchange(enrolment_open_, open) != open && on_enrolment_) on_enrolment_(open);
}

absl::Status ControlPlane::AdmitMember(const MemberId& member) {
  ++calls_;
  if (draining_) return Ending();
  const auto wait = member_budget_.Take(member.ToBytes(), now());
  if (!wait) return absl::OkStatus();
  ++refused_calls_;
  return OverBudget(*wait);
}

absl::StatusOr<Member> ControlPlane::Who(const rpc::Peer& peer) {
  auto member = parts_.authority.Authenticate(peer.id, peer.role);
  if (IsAuthorizing(member.status())) return member;
  if (!member.ok()) {
    ++refused_calls_;
    return member;
  }
  if (member->certificate_expires_at <= parts_.clock.Wall()) {
    ++refused_calls_;
    return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_EXPIRED",
                 "the member's certificate has expired: enrol anew with a join token");
  }
  grants_.Heard(peer.id, now());
  return member;
}

absl::StatusOr<Member> ControlPlane::Authenticate(const rpc::Peer& peer) {
  RETURN_IF_ERROR(AdmitMember(peer.id));
  return Who(peer);
}

void ControlPlane::WithMember(const rpc::Peer& peer, std::function<void(absl::StatusOr<Member>)> then) {
  if (absl::Status admitted = AdmitMember(peer.id); !admitted.ok()) return then(std::move(admitted));
  waiters_.Add(now() + kWaitForAuthority, [this, peer, then = std::move(then)](bool last) {
    absl::StatusOr<Member> member = Who(peer);
    if (!last && IsAuthorizing(member.status())) return false;
    then(std::move(member));
    return true;
  });
}

absl::Status ControlPlane::AdmitStranger(const std::string& address) {
  ++calls_;
  if (draining_) return Ending();
  if (const auto wait = stranger_budget_.Take(address, now())) {
    ++refused_calls_;
    return OverBudget(*wait);
  }
  return absl::OkStatus();
}

void ControlPlane::Denied(const Member& member, const char* action, const std::string& subject) {
  ++refused_calls_;
  if (!denial_budget_.Take(member.id.ToBytes(), now())) {
    parts_.membership.Record({member.id.ToHex(), action, subject, false, "not granted"}).IgnoreError();
  }
}

absl::Status ControlPlane::RequireAdmin(const Member& member) {
  if (member.admin()) return absl::OkStatus();
  Denied(member, "administer", "");
  return Error(absl::StatusCode::kPermissionDenied, "ADMIN_REQUIRED",
               "this needs the admin's credential (the folder that `replicastd init` made), not a member's");
}

absl::Status ControlPlane::RequireRelay(const Member& member) {
  if (member.relay()) return absl::OkStatus();
  Denied(member, "relay", "");
  return Error(absl::StatusCode::kPermissionDenied, "RELAY_REQUIRED",
               "this is for relays: enrol with a token that `replicast token create --relay` made");
}

absl::StatusOr<StreamInfo> ControlPlane::ReadableDataset(const Member& member, const std::string& name,
                                                         const char* action, const v1::Definition* narrowing) {
  if (Membership::MayRead(member, name)) {
    ASSIGN_OR_RETURN(const std::string one, Derive(member, name, narrowing));
    return parts_.publisher.Dataset(one);
  }
  Denied(member, action, name.substr(0, limits::kMaxNameBytes));
  return Error(absl::StatusCode::kPermissionDenied, "DATASET_NOT_GRANTED",
               "this member may not read dataset '" + name.substr(0, limits::kMaxNameBytes) +
                   "': enrol with a token that names it");
}

absl::StatusOr<std::string> ControlPlane::Derive(const Member& member, const std::string& name,
                                                 const v1::Definition* narrowing) {
  const std::vector<std::string> parts = PartsOfName(name);
  const size_t before = parts_.publisher.Datasets().size();
  ASSIGN_OR_RETURN(std::string derived, parts_.publisher.CombineDatasets(parts.empty() ? std::vector{name} : parts));
  if (narrowing != nullptr) {
    ASSIGN_OR_RETURN(derived, parts_.publisher.NarrowDataset(derived, *narrowing));
  }
  if (parts_.publisher.Datasets().size() == before) return derived;
  parts_.engine.OnDatasetsChanged();
  if (const auto wait = derived_budget_.Take(member.id.ToBytes(), now())) {
    RETURN_IF_ERROR(parts_.publisher.DeleteDataset(derived));
    return OverBudget(*wait);
  }
  return derived;
}

void ControlPlane::DropUnfollowed() {
  if (now() < next_drop_) return;
  next_drop_ = now() + kUnfollowedFor / 10;
  // Who is only away comes back.
  std::set<DefinitionHash> followed = memory_.held_streams();
  for (const auto& [member, stream] : Following()) followed.insert(stream);
  std::map<std::string, absl::Time> since;
  for (const std::string& name : parts_.publisher.Datasets()) {
    if (!parts_.publisher.GoesUnfollowed(name)) continue;
    const auto info = parts_.publisher.Dataset(name);
    if (!info.ok() || followed.contains(info->definition_hash)) continue;
    const auto before = unfollowed_since_.find(name);
    since[name] = before == unfollowed_since_.end() ? now() : before->second;
  }
  unfollowed_since_ = std::move(since);
  for (const auto& [name, when] : unfollowed_since_) {
    if (now() - when < kUnfollowedFor) continue;
    spdlog::info("nobody has followed {} for long: it goes until somebody asks for it again", name);
    if (absl::Status status = parts_.publisher.DeleteDataset(name); !status.ok())
      spdlog::warn("{} could not go: {}", name, std::string(status.message()));
    parts_.engine.OnDatasetsChanged();
  }
  parts_.membership.positions().KeepStreams(StreamsThere(), wall() - memory_.retention());
}

std::set<DefinitionHash> ControlPlane::StreamsThere() const {
  std::set<DefinitionHash> there;
  for (const StreamInfo& stream : parts_.publisher.Streams()) there.insert(stream.definition_hash);
  return there;
}

absl::StatusOr<StreamInfo> ControlPlane::ReadableStream(const Member& member, const DefinitionHash& stream,
                                                        const char* action) {
  const auto info = parts_.publisher.Stream(stream);
  if (info) {
    const auto readable = [&](const std::string& name) { return Membership::MayRead(member, name); };
    if (member.admin() || std::any_of(info->datasets.begin(), info->datasets.end(), readable)) return *info;
  }
  if (!info && member.admin()) {
    return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "no dataset here has this definition: subscribe again");
  }
  Denied(member, action, stream.ToHex());
  return Error(absl::StatusCode::kPermissionDenied, "DATASET_NOT_GRANTED",
               "no dataset that this member may read has this definition: subscribe again");
}

void ControlPlane::Join(const Member& member, const DefinitionHash& stream, uint64_t max_rate) {
  Membership::Activity& activity = parts_.membership.activity(member.id);
  const bool changed = activity.max_rate != max_rate;
  activity.max_rate = max_rate;
  if (grants_.Add(member.id, stream, now()) || changed) parts_.multicaster.Join(stream, member.id, max_rate);
}

void ControlPlane::NoteWay(const MemberId& member, const DefinitionHash& stream, v1::Transport transport,
                           v1::UnicastReason reason) {
  // Members of later versions may have other reasons.
  if (!v1::UnicastReason_IsValid(reason)) reason = v1::UNICAST_REASON_UNSPECIFIED;
  if (transport == v1::TRANSPORT_MULTICAST) grants_.SetWay(member, stream, {});
  if (transport == v1::TRANSPORT_UNICAST) grants_.SetWay(member, stream, {transport, reason});
}

std::set<std::pair<MemberId, DefinitionHash>> ControlPlane::Following() const {
  std::set<std::pair<MemberId, DefinitionHash>> following = streams_.Followed();
  for (const auto& one : grants_.All()) following.insert(one);
  return following;
}

void ControlPlane::NotePosition(const MemberId& member, const Position& position) {
  parts_.membership.positions().Note(member, position, parts_.clock.Wall());
}

void ControlPlane::KeepPositions() {
  if (now() < next_flush_) return;
  next_flush_ = now() + kFlushEvery;
  memory_.KeepHolds(Following());
  if (const absl::Status status = parts_.membership.positions().Flush(); !status.ok())
    spdlog::warn("where members stand could not be stored: {}", std::string(status.message()));
}

void ControlPlane::Leave(const MemberId& member, const std::string& dataset) {
  // Nothing is kept for who has left.
  if (const auto* standing = parts_.membership.positions().FindRemembered(member, dataset))
    memory_.LeaveToMember(member, standing->definition);
  for (const auto& [follower, stream] : grants_.All()) {
    const auto info = follower == member ? parts_.publisher.Stream(stream) : std::nullopt;
    if (!info) continue;
    const bool of_it = std::any_of(info->datasets.begin(), info->datasets.end(), [&](const std::string& name) {
      return name == dataset || NameBeforeNarrowing(name) == dataset;
    });
    if (of_it && grants_.Remove(member, stream)) parts_.multicaster.Leave(stream, member);
  }
}

void ControlPlane::Notify(const std::string& notice) {
  parts_.multicaster.Notify(notice);
  streams_.Notify(notice);
}

void ControlPlane::OnNotice(const v1::SignedNotice& notice, const v1::NoticeStatement& statement) {
  // Every stream brings it.
  const std::string key = "notice" + notice.statement();
  if (answers_.Find(key, now())) return;
  answers_.Put(key, "", now());
  const auto revoked = MemberId::FromBytes(statement.revoked_member_id());
  if (!revoked) {
    if (const auto changed = MemberId::FromBytes(statement.changed_member_id()))
      parts_.authority.OnMemberChanged(*changed);
    return Notify(notice.SerializeAsString());
  }
  parts_.authority.OnRevoked(*revoked);
  const absl::StatusOr<Member> member = parts_.membership.members().Get(*revoked);
  if (!member.ok() || member->revoked) return Notify(notice.SerializeAsString());
  if (const absl::Status status = Revoke("upstream", *revoked, notice.SerializeAsString()).status(); !status.ok())
    spdlog::warn("member {} is revoked, and {}", revoked->ToHex(), std::string(status.message()));
}

absl::StatusOr<Member> ControlPlane::Revoke(const std::string& actor, const MemberId& id, const std::string& notice) {
  ASSIGN_OR_RETURN(Member member, parts_.membership.Revoke(actor, id));
  if (!notice.empty()) Notify(notice);
  RETURN_IF_ERROR(CutOff(id, Error(absl::StatusCode::kPermissionDenied, "MEMBER_REVOKED",
                                   "member " + id.ToHex() + " is revoked: it may read nothing more")));
  return member;
}

absl::Status ControlPlane::CutOff(const MemberId& member, const absl::Status& why) {
  absl::Status rekeyed = parts_.multicaster.Revoke(member);
  grants_.RemoveMember(member);
  streams_.CutMember(member, why, now());
  return rekeyed;
}

absl::Status ControlPlane::Pause(const std::string& actor, const Member& member, absl::Duration duration) {
  const absl::Time until = wall() + duration;
  RETURN_IF_ERROR(parts_.membership.pauses().Pause(member.id, until));
  parts_.membership
      .Record({actor, "pause", member.id.ToHex(), true,
               duration == absl::InfiniteDuration() ? "until it is resumed" : "for " + absl::FormatDuration(duration)})
      .IgnoreError();
  if (const std::string notice = parts_.authority.ChangeNotice(member.id); !notice.empty()) Notify(notice);
  return absl::OkStatus();
}

absl::Status ControlPlane::Resume(const std::string& actor, const Member& member) {
  RETURN_IF_ERROR(parts_.membership.pauses().Resume(member.id));
  parts_.membership.Record({actor, "resume", member.id.ToHex(), true, ""}).IgnoreError();
  if (const std::string notice = parts_.authority.ChangeNotice(member.id); !notice.empty()) Notify(notice);
  return absl::OkStatus();
}

std::optional<v1::Pause> ControlPlane::PauseOf(const MemberId& member) const {
  const std::optional<absl::Time> until = parts_.authority.PausedUntil(member);
  return until ? std::optional(PauseMessage(*until)) : std::nullopt;
}

absl::Status ControlPlane::EndUnreadable() {
  absl::Status result;
  for (const auto& [id, stream] : grants_.All()) {
    const auto info = parts_.publisher.Stream(stream);
    if (!info) continue;
    const absl::StatusOr<Member> member = parts_.membership.members().Get(id);
    result.Update(member.status());
    if (!member.ok()) continue;
    const auto readable = [&](const std::string& name) { return Membership::MayRead(*member, name); };
    if (std::any_of(info->datasets.begin(), info->datasets.end(), readable)) continue;
    result.Update(CutOff(
        id, Error(absl::StatusCode::kFailedPrecondition, "DATASET_CHANGED", "the dataset changed: subscribe again")));
  }
  return result;
}

absl::Time ControlPlane::Tick() {
  if (now() < next_tick_) return next_tick_;
  next_tick_ = now() + kTickEvery;
  streams_.Sweep(now());
  waiters_.Expire(now());
  // Who follows without multicast makes no calls.
  for (const auto& [member, stream] : streams_.Followed()) grants_.Heard(member, now());
  for (const auto& [member, stream] : grants_.TakeExpired(now())) {
    spdlog::info("member {} has been silent for long; it counts no more", member.ToHex());
    parts_.multicaster.Leave(stream, member);
  }
  DropUnfollowed();
  KeepPositions();
  RefreshEnrolment();
  return next_tick_;
}

void ControlPlane::Drain() {
  draining_ = true;
  next_flush_ = absl::InfinitePast();
  KeepPositions();
  RefreshEnrolment();
  waiters_.DropAll();
  comparisons_.DropWaiting();
  streams_.CutAll(Ending(), now());
  next_tick_ = now();
}

}  // namespace replicast::control
