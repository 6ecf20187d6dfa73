#include "server/publish/engine.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"

namespace replicast {
namespace {

// A writer's bytes are in the write-ahead log a moment before its index shows them: look again after a wake or a find,
// first soon. While we look, nobody needs to wake us: a transaction of many pages costs as much as a small one.
constexpr absl::Duration kFirstLookAgain = absl::Microseconds(60);
constexpr absl::Duration kLongestLookAgain = absl::Milliseconds(1);
constexpr absl::Duration kLooking = absl::Milliseconds(8);
// Also when nothing seems new: a replaced file, a changed schema, a source that answers again.
constexpr absl::Duration kFullLook = absl::Seconds(1);
constexpr absl::Duration kAfterFailure = absl::Seconds(1);

}  // namespace

Engine::Engine(const Parts& parts, const Options& options) : parts_(parts), options_(options) {}

void Engine::OnSourceWritten() {
  LookClosely(parts_.clock.Now());
  next_look_ = absl::InfinitePast();
}

void Engine::LookClosely(absl::Time now) {
  look_again_ = kFirstLookAgain;
  look_until_ = now + kLooking;
}

absl::Time Engine::Step() {
  LookAtSource(parts_.clock.Now());
  Tell();
  if (wanted_ && !parts_.multicaster.Congested()) Drain(parts_.clock.Now());
  Build(parts_.clock.Now());
  if (!parts_.multicaster.Congested()) Scrub(parts_.clock.Now());
  TellBoundaries(parts_.clock.Now());
  const absl::Time sends_again = parts_.multicaster.Tick();
  if (on_changed_) {
    if (const std::set<DefinitionHash> changed = parts_.events.TakeChanged(); !changed.empty()) on_changed_(changed);
  }
  absl::Time next = std::min({sends_again, next_look_, next_full_look_, next_build_, next_boundary_});
  if (!parts_.multicaster.Congested()) next = std::min(next, next_scrub_);
  if ((wanted_ || untold_) && !parts_.multicaster.Congested()) next = parts_.clock.Now();
  return next;
}

void Engine::LookAtSource(absl::Time now) {
  if (now >= next_full_look_) {
    wanted_ = true;
    next_full_look_ = now + kFullLook;
  }
  if (now < next_look_) return;
  if (!wanted_ && parts_.may_have_changed()) {
    wanted_ = true;
    LookClosely(now);
  }
  if (!looking(now)) {
    next_look_ = now + options_.poll_interval;
    return;
  }
  next_look_ = now + look_again_;
  look_again_ = std::min(look_again_ * 2, kLongestLookAgain);
}

void Engine::Tell() {
  untold_ = true;
  if (parts_.multicaster.Congested()) return;
  const absl::StatusOr<bool> more = parts_.publisher.TellStep();
  if (!more.ok()) SetProblem(std::string(more.status().message()));
  untold_ = more.value_or(false);
}

void Engine::Drain(absl::Time now) {
  wanted_ = false;
  ++drains_;
  const auto result = parts_.publisher.Drain();
  if (!result.ok()) {
    SetProblem(std::string(result.status().message()));
    next_look_ = next_full_look_ = now + kAfterFailure;
    look_until_ = now;
    return;
  }
  switch (*result) {
    case Publisher::DrainResult::kUnavailable:
      SetProblem(parts_.publisher.source_problem());
      next_look_ = next_full_look_ = now + kAfterFailure;
      look_until_ = now;
      return;
    case Publisher::DrainResult::kMore:
      wanted_ = true;
      [[fallthrough]];
    case Publisher::DrainResult::kPublished:
      next_build_ = std::min(next_build_, now);
      [[fallthrough]];
    case Publisher::DrainResult::kIdle:
      SetProblem(parts_.publisher.source_problem());
  }
}

void Engine::Build(absl::Time now) {
  if (now < next_build_) return;
  const absl::StatusOr<bool> more = parts_.publisher.BuildStep();
  if (!more.ok()) {
    SetProblem(std::string(more.status().message()));
    next_build_ = now + kAfterFailure;
    return;
  }
  next_build_ = *more ? now : now + kFullLook;
}

void Engine::Scrub(absl::Time now) {
  if (now < next_scrub_) return;
  const absl::StatusOr<absl::Duration> pause = parts_.publisher.ScrubStep();
  if (!pause.ok()) SetProblem(std::string(pause.status().message()));
  next_scrub_ = parts_.clock.Now() + pause.value_or(kAfterFailure);
}

void Engine::TellBoundaries(absl::Time now) {
  const uint64_t number = parts_.publisher.published().number;
  if (std::exchange(boundary_number_, number) != number)
    next_boundary_ = std::min(next_boundary_, now + limits::kEmptyUnitBusy);
  if (now < next_boundary_ || !healthy()) {
    if (!healthy()) next_boundary_ = now + kAfterFailure;
    return;
  }
  next_boundary_ = now + limits::kEmptyUnitIdle;
  // Telling one changes what is told.
  const std::map<DefinitionHash, StreamEvents::Told> told = parts_.events.told();
  for (const auto& [stream, last] : told) {
    const bool behind = last.lsn.number() < number;
    absl::Time due = last.at + (behind ? limits::kEmptyUnitBusy : limits::kEmptyUnitIdle);
    if (due <= now) {
      const absl::Status status = parts_.publisher.PublishBoundary(stream);
      if (!status.ok()) spdlog::debug("boundary not told: {}", std::string(status.message()));
      due = now + (status.ok() ? limits::kEmptyUnitIdle : kAfterFailure);
    }
    next_boundary_ = std::min(next_boundary_, due);
  }
}

absl::Status Engine::TellBoundary(const DefinitionHash& stream) { return parts_.publisher.PublishBoundary(stream); }

void Engine::SetProblem(std::string problem) {
  if (problem == problem_) return;
  if (problem.empty())
    spdlog::info("the source is read again");
  else
    spdlog::warn("{}", problem);
  problem_ = std::move(problem);
}

}  // namespace replicast
