#ifndef REPLICAST_COMMON_DELIVERY_STREAM_SENDER_H_
#define REPLICAST_COMMON_DELIVERY_STREAM_SENDER_H_

#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/base/lsn.h"
#include "common/base/random.h"
#include "common/delivery/heartbeat_schedule.h"
#include "common/delivery/pacer.h"
#include "common/delivery/repair_ring.h"
#include "common/wire/epoch_key.h"
#include "replicast/v1/frames.pb.h"

namespace replicast::delivery {

// Symbols first to last, both included.
struct SymbolSpan {
  uint64_t first = 0, last = 0;
  friend bool operator==(const SymbolSpan&, const SymbolSpan&) = default;
};

// What a heartbeat tells besides the sender's own numbers.
struct StreamFacts {
  Lsn last_lsn;
  absl::Time master_time;
  uint32_t group_size = 0;
  absl::Duration round_trip;
  KeyId next_key_id;
};

struct SenderCounters {
  uint64_t messages = 0, symbols = 0, frames = 0, bytes = 0, heartbeats = 0, key_updates = 0, repaired_symbols = 0;
};

// Messages → symbols → sealed frames, paced; heartbeats after silence, and between data that never pauses; a ring of
// recent symbols for repairs. Sans-IO: one thread, `now` comes in, datagrams go out. Invariant: no (epoch, sequence) is
// ever given to two datagrams, repairs by unicast included. Sizes: a frame is at most options.frame_size bytes of UDP
// payload.
class StreamSender {
 public:
  struct Options {
    uint32_t stream_id = 0;
    size_t frame_size = 0;
    uint64_t rate_bytes_per_second = 0;
    size_t ring_bytes = 0;
  };
  StreamSender(const Options& options, absl::Time now);

  // The first key must be set before anything is sent; a later one begins its epoch at once, sequence from 1.
  void SetKey(std::shared_ptr<wire::EpochKey> key);
  uint32_t epoch() const;
  void SetRate(uint64_t bytes_per_second, absl::Time now);
  void SetFacts(const StreamFacts& facts) { facts_ = facts; }

  // A serialized v1.SignedUnitPart, or a v1.SignedNotice.
  void Enqueue(std::string message, v1::SymbolContent content = v1::SYMBOL_CONTENT_UNIT_PART);
  // A serialized v1.SignedKeyUpdate; goes out before queued symbols, in the clear, under the current epoch's numbers.
  void EnqueueKeyUpdate(std::string update);
  size_t queued_bytes() const;

  // Appends the datagrams that may go now (at most limits::kMaxBurst) and counts them as sent. Call until it gives
  // none.
  void Poll(absl::Time now, std::vector<std::string>* datagrams);
  // When Poll has something again; infinite future never.
  absl::Time NextDeadline(absl::Time now) const;

  // New frames, under new sequences, for symbols still in the ring, at most limits::kMaxRepairSymbols. False: some
  // symbol is older than the ring (the member must catch up by lsn); symbols that were never sent are ignored.
  bool Repair(const std::vector<SymbolSpan>& missing, std::vector<std::string>* datagrams);

  uint64_t last_symbol() const;
  const SenderCounters& counters() const { return counters_; }

 private:
  // One symbol's payload off the front message; it is in the ring afterwards.
  std::string NextSymbol();
  std::string HeartbeatPayload(bool padded) const;
  void SendSealed(const std::string& payload, std::vector<std::string>* datagrams);

  Options options_;
  Pacer pacer_;
  HeartbeatSchedule heartbeat_;
  RepairRing ring_;
  std::shared_ptr<wire::EpochKey> key_;
  uint64_t sequence_ = 0;  // of the current epoch, last given out
  uint64_t symbol_ = 0;    // last made
  struct Message {
    v1::SymbolContent content;
    std::string bytes;
  };
  std::deque<Message> messages_;
  std::deque<std::string> key_updates_;
  size_t queued_bytes_ = 0, offset_ = 0;  // offset in the front message
  StreamFacts facts_;
  SenderCounters counters_;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_STREAM_SENDER_H_
