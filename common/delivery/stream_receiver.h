#ifndef REPLICAST_COMMON_DELIVERY_STREAM_RECEIVER_H_
#define REPLICAST_COMMON_DELIVERY_STREAM_RECEIVER_H_

#include <absl/time/time.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/lsn.h"
#include "common/base/random.h"
#include "common/delivery/key_ring.h"
#include "common/delivery/repair_timer.h"
#include "common/delivery/stream_sender.h"
#include "common/delivery/symbol_order.h"
#include "common/wire/epoch_key.h"
#include "common/wire/signer.h"
#include "replicast/v1/frames.pb.h"
#include "replicast/v1/key_exchange_service.pb.h"
#include "replicast/v1/rate_service.pb.h"

namespace replicast::delivery {

// What became of a datagram; each has its counter and its name for people (OutcomeName).
enum class FrameOutcome : uint8_t {
  kSymbol,  // new, kept
  kHeartbeat,
  kKeyUpdate,        // signed, understood
  kDuplicateSymbol,  // repaired or sent twice: normal
  kMalformed,
  kOtherStream,
  kReplayed,      // sequence seen, or older than the window
  kUnknownEpoch,  // older than what is kept, or too far ahead
  kHeldForKey,    // of one of the next two epochs: kept until its key is there
  kNotAuthentic,
  kBadPayload,
  kBadSignature,  // of a key update
  kBadCommitment,
  kDropped,  // no room: the oldest went
  kCount,
};
std::string_view OutcomeName(FrameOutcome outcome);  // "not_authentic"

struct ReceiverCounters {
  std::array<uint64_t, static_cast<size_t>(FrameOutcome::kCount)> outcomes{};
  uint64_t bytes = 0, messages = 0, expected_symbols = 0, missing_symbols = 0, repairs_asked = 0, gaps_given_up = 0;
};

// Datagrams of one stream → verified symbols in order → messages; notices gaps and says when to repair what. Sans-IO,
// one thread. Everything here is proven by the group key at most, so it may cause bounded work only: it never moves a
// position (the admission rule does that with signed units), and it never changes a key but by a signed update.
class StreamReceiver {
 public:
  struct Options {
    uint32_t stream_id = 0;
    DefinitionHash definition;
    std::string signing_public_key;
    size_t reorder_bytes = limits::kReorderBytes;
  };
  StreamReceiver(const Options& options, Random& random);

  // From GetKeys, already opened and its signature verified. Commitments are checked here; false: some key does not
  // fit. A new incarnation forgets symbols and gaps of the old one. Held frames of the epochs are taken in.
  bool SetKeys(const v1::KeyBundle& bundle, absl::Time now);
  FrameOutcome OnDatagram(std::string_view datagram, absl::Time now);

  // Complete messages (serialized v1.SignedUnitPart) in order. After a gap was given up it goes on at the next first
  // flag.
  std::vector<std::string> TakeMessages();

  // Complete notices (serialized v1.SignedNotice), of which nothing is verified yet either.
  std::vector<std::string> TakeNotices() { return order_.TakeNotices(); }

  // Time has passed: back-offs end, gaps grow old.
  void OnTime(absl::Time now);
  absl::Time NextDeadline() const;

  // Ask the server to repair these now (after the back-off over the advertised group size and round trip); empty: not
  // now. The answer's frames go into OnDatagram like any other; then OnRepairAnswer.
  std::vector<SymbolSpan> TakeRepair(absl::Time now);
  void OnRepairAnswer(bool helped, absl::Duration retry_after, absl::Time now);
  // The server no longer has them, or catching up by lsn covers them: forget all gaps.
  void GiveUpGaps();
  // A gap older than limits::kRepairGiveUp, a ring ¾ full, or symbols that were lost before the first message: what was
  // missed must come by CatchUp. True once per cause.
  bool TakeCatchUpWanted();
  // True when frames of an epoch come whose key is missing, or a signed FETCH update said so; call GetKeys after
  // KeysDelay (jittered, grows with the group).
  bool KeysWanted() const;
  absl::Duration KeysDelay();

  uint32_t current_epoch() const;
  uint32_t incarnation() const;
  // The newest hint, and when anything authentic was last heard (infinite past: never).
  const v1::Heartbeat& heartbeat() const;
  absl::Time last_heard() const;
  // The last authentic frame was sent later than all before it: one that is late tells nothing of now.
  bool newest() const { return newest_; }
  ReceiverCounters counters() const;

 private:
  struct Held {
    uint32_t epoch;
    std::string datagram;
  };
  FrameOutcome Take(std::string_view datagram, absl::Time now);
  FrameOutcome TakeKeyUpdate(const wire::FrameView& frame, absl::Time now);
  FrameOutcome TakeSealed(const wire::FrameView& frame, std::string_view datagram, absl::Time now);
  FrameOutcome TakePayload(const std::string& bytes);
  FrameOutcome Hold(uint32_t epoch, std::string_view datagram, absl::Time now);
  void WantKeys(absl::Time now);
  void ReplayHeld(absl::Time now);
  void LookAtGaps(absl::Time now);

  Options options_;
  Random& random_;
  wire::Verifier verifier_;
  KeyRing keys_;
  SymbolOrder order_;
  RepairTimer repair_;
  std::deque<Held> held_;
  std::string last_update_;  // the newest signed update that was understood: repeats cost no verification
  uint32_t incarnation_ = 0;
  bool catch_up_wanted_ = false, keys_wanted_ = false;
  absl::Time keys_allowed_at_ = absl::InfinitePast();
  absl::Duration keys_pause_;
  v1::Heartbeat heartbeat_;
  absl::Time last_heard_ = absl::InfinitePast();
  bool newest_ = false;
  ReceiverCounters counters_;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_STREAM_RECEIVER_H_
