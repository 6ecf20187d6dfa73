#include "common/delivery/stream_receiver.h"

namespace replicast::delivery {

std::string_view OutcomeName(FrameOutcome outcome) {
  switch (outcome) {
    case FrameOutcome::kSymbol:
      return "symbol";
    case FrameOutcome::kHeartbeat:
      return "heartbeat";
    case FrameOutcome::kKeyUpdate:
      return "key_update";
    case FrameOutcome::kDuplicateSymbol:
      return "duplicate_symbol";
    case FrameOutcome::kMalformed:
      return "malformed";
    case FrameOutcome::kOtherStream:
      return "other_stream";
    case FrameOutcome::kReplayed:
      return "replayed";
    case FrameOutcome::kUnknownEpoch:
      return "unknown_epoch";
    case FrameOutcome::kHeldForKey:
      return "held_for_key";
    case FrameOutcome::kNotAuthentic:
      return "not_authentic";
    case FrameOutcome::kBadPayload:
      return "bad_payload";
    case FrameOutcome::kBadSignature:
      return "bad_signature";
    case FrameOutcome::kBadCommitment:
      return "bad_commitment";
    case FrameOutcome::kDropped:
      return "dropped";
    case FrameOutcome::kCount:
      break;
  }
  return "unknown";
}

}  // namespace replicast::delivery
