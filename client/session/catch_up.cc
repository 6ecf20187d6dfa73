#include "client/session/catch_up.h"

#include <utility>

#include "common/base/errors.h"
#include "common/wire/position_proto.h"

namespace replicast {
namespace {

constexpr size_t kStepBytes = 4u << 20;

v1::CatchUpRequest RequestFor(const Position& position, bool follow) {
  v1::CatchUpRequest request;
  *request.mutable_position() = ToProto(position);
  request.set_follow(follow);
  return request;
}

Position PositionOf(const OfferTarget& target) {
  const std::optional<Position> position = target.position();
  REPLICAST_CHECK(position.has_value());
  return *position;
}

}  // namespace

CatchUp::CatchUp(ControlChannel& control, OfferTarget& target, std::string signing_public_key, bool follow,
                 RateCap& cap)
    : applier_(target),
      assembler_(std::move(signing_public_key), PositionOf(target).definition),
      stream_(
          [&](auto on_message, auto on_end) {
            return control.CatchUp(RequestFor(PositionOf(target), follow), std::move(on_message), std::move(on_end));
          },
          cap.ReadAhead(BufferedStream<v1::CatchUpResponse>::kReadAhead)),
      cap_(cap) {}

void CatchUp::TakeMessages() {
  v1::CatchUpResponse response;
  size_t bytes = 0;
  while (bytes < kStepBytes && cap_.MayTake() && stream_.Take(&response)) {
    cap_.Took(response.ByteSizeLong());
    newest_ = std::max(newest_, Lsn{response.newest_lsn()});
    if (response.has_notice()) {
      bytes += response.notice().ByteSizeLong();
      notices_.push_back(std::move(*response.mutable_notice()));
    }
    if (!response.has_part() || response.part().header().empty()) continue;
    messages_.push_back(response.part().SerializeAsString());
    bytes += messages_.back().size();
  }
}

CatchUp::Outcome CatchUp::Step() {
  TakeMessages();
  if (!messages_.empty()) {
    const UnitApplier::Outcome outcome = applier_.Apply(messages_, assembler_);
    messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(outcome.taken));
    switch (outcome.result) {
      case UnitApplier::Result::kAll:
        break;
      case UnitApplier::Result::kOtherHistory:
        status_ =
            Error(absl::StatusCode::kOutOfRange, "POSITION_UNKNOWN", "the server's history does not lead on from here");
        return Outcome::kNoWay;
      case UnitApplier::Result::kMachine:
        status_ = outcome.status;
        return Outcome::kMachine;
      case UnitApplier::Result::kStop:
        status_ = outcome.status;
        return Outcome::kStop;
      case UnitApplier::Result::kGap:
      case UnitApplier::Result::kBroken:
        status_ = Error(absl::StatusCode::kInternal, "CATCH_UP_BROKEN",
                        "the server's catch-up does not lead on: " + std::string(PartOutcomeName(outcome.broken)));
        return Outcome::kBroken;
    }
  }
  return stream_.ended() ? AfterEnd() : Outcome::kRunning;
}

CatchUp::Outcome CatchUp::AfterEnd() {
  status_ = stream_.status();
  if (status_.ok()) return Outcome::kAtEnd;
  return status_.code() == absl::StatusCode::kOutOfRange ? Outcome::kNoWay : Outcome::kUnreachable;
}

}  // namespace replicast
