#include "common/delivery/stream_sender.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "replicast/v1/frames.pb.h"

namespace replicast::delivery {
namespace {

// Bytes of a frame around its payload: header, tag and length (two bytes: frames are that long) of the sealed field,
// AEAD tag.
constexpr size_t kSealOverhead = wire::kFrameHeaderSize + 3 + crypto::kAeadTagSize;

}  // namespace

StreamSender::StreamSender(const Options& options, absl::Time now)
    : options_(options),
      pacer_(options.rate_bytes_per_second, static_cast<uint64_t>(limits::kMaxBurst) * options.frame_size, now),
      heartbeat_(now),
      ring_(options.ring_bytes) {
  REPLICAST_CHECK(options.frame_size >= limits::kMinFrameSize && options.frame_size <= limits::kMaxFrameSize);
}

void StreamSender::SetKey(std::shared_ptr<wire::EpochKey> key) {
  REPLICAST_CHECK(key_ == nullptr || key->epoch() > key_->epoch());
  key_ = std::move(key);
  sequence_ = 0;
}

uint32_t StreamSender::epoch() const { return key_ == nullptr ? 0 : key_->epoch(); }

void StreamSender::SetRate(uint64_t bytes_per_second, absl::Time now) { pacer_.SetRate(bytes_per_second, now); }

void StreamSender::Enqueue(std::string message, v1::SymbolContent content) {
  REPLICAST_CHECK(!message.empty());
  queued_bytes_ += message.size();
  messages_.push_back({content, std::move(message)});
  ++counters_.messages;
}

void StreamSender::EnqueueKeyUpdate(std::string update) { key_updates_.push_back(std::move(update)); }

size_t StreamSender::queued_bytes() const { return queued_bytes_ - offset_; }

std::string StreamSender::NextSymbol() {
  const auto& [content, message] = messages_.front();
  const size_t size = std::min(options_.frame_size - limits::kFrameOverhead, message.size() - offset_);
  v1::Payload payload;
  v1::Symbol& symbol = *payload.mutable_symbol();
  symbol.set_number(++symbol_);
  symbol.set_content(content);
  symbol.set_first(offset_ == 0);
  symbol.set_last(offset_ + size == message.size());
  symbol.set_data(message.data() + offset_, size);
  offset_ += size;
  if (symbol.last()) {
    queued_bytes_ -= message.size();
    messages_.pop_front();
    offset_ = 0;
  }
  std::string bytes = payload.SerializeAsString();
  ring_.Add(symbol_, bytes);
  ++counters_.symbols;
  return bytes;
}

std::string StreamSender::HeartbeatPayload(bool padded) const {
  v1::Payload payload;
  v1::Heartbeat& heartbeat = *payload.mutable_heartbeat();
  heartbeat.set_last_symbol(symbol_);
  heartbeat.set_oldest_symbol(ring_.oldest());
  heartbeat.set_last_lsn(facts_.last_lsn.value);
  heartbeat.set_master_time_microseconds(absl::ToUnixMicros(facts_.master_time));
  heartbeat.set_group_size(facts_.group_size);
  heartbeat.set_round_trip_microseconds(static_cast<uint32_t>(absl::ToInt64Microseconds(facts_.round_trip)));
  heartbeat.set_current_key_id(key_->id().ToBytes());
  if (!facts_.next_key_id.empty()) heartbeat.set_next_key_id(facts_.next_key_id.ToBytes());
  const size_t bare = kSealOverhead + payload.ByteSizeLong();
  constexpr size_t kPaddingField = 3;  // tag and length
  if (padded && bare + kPaddingField < options_.frame_size)
    payload.set_padding(std::string(options_.frame_size - bare - kPaddingField, '\0'));
  return payload.SerializeAsString();
}

void StreamSender::SendSealed(const std::string& payload, std::vector<std::string>* datagrams) {
  datagrams->push_back(key_->Seal(++sequence_, payload));
  REPLICAST_CHECK(datagrams->back().size() <= options_.frame_size);
  ++counters_.frames;
  counters_.bytes += datagrams->back().size();
}

void StreamSender::Poll(absl::Time now, std::vector<std::string>* datagrams) {
  if (key_ == nullptr) return;
  const size_t most = datagrams->size() + static_cast<size_t>(limits::kMaxBurst);
  while (!key_updates_.empty() && datagrams->size() < most && pacer_.Take(options_.frame_size, now)) {
    datagrams->push_back(
        wire::SerializeFrame({options_.stream_id, key_->epoch(), ++sequence_, true, key_updates_.front()}));
    key_updates_.pop_front();
    ++counters_.key_updates;
    counters_.bytes += datagrams->back().size();
  }
  bool data = false;
  while (!messages_.empty() && datagrams->size() < most) {
    const size_t size =
        std::min(options_.frame_size, messages_.front().bytes.size() - offset_ + limits::kFrameOverhead);
    if (!pacer_.Take(size, now)) break;
    SendSealed(NextSymbol(), datagrams);
    data = true;
  }
  if (data) heartbeat_.OnData(now);
  if (now >= heartbeat_.due(!messages_.empty()) && datagrams->size() < most) {
    const bool padded = heartbeat_.OnHeartbeat(now);
    const std::string payload = HeartbeatPayload(padded);
    // A heartbeat is never held back: its bytes are few, and who waits for it waits for a repair.
    pacer_.Take(payload.size(), now);
    SendSealed(payload, datagrams);
    ++counters_.heartbeats;
  }
}

absl::Time StreamSender::NextDeadline(absl::Time now) const {
  if (key_ == nullptr) return absl::InfiniteFuture();
  if (!key_updates_.empty()) return pacer_.WhenReady(options_.frame_size, now);
  if (!messages_.empty()) {
    return pacer_.WhenReady(
        std::min(options_.frame_size, messages_.front().bytes.size() - offset_ + limits::kFrameOverhead), now);
  }
  return heartbeat_.due(false);
}

bool StreamSender::Repair(const std::vector<SymbolSpan>& missing, std::vector<std::string>* datagrams) {
  size_t repaired = 0;
  for (const SymbolSpan& span : missing) {
    if (symbol_ == 0 || span.first > symbol_ || span.first > span.last) continue;
    if (span.first < ring_.oldest()) return false;
    for (uint64_t number = span.first; number <= std::min(span.last, symbol_) && repaired < limits::kMaxRepairSymbols;
         ++number, ++repaired) {
      const std::string* payload = ring_.Find(number);
      REPLICAST_CHECK(payload != nullptr);
      datagrams->push_back(key_->Seal(++sequence_, *payload));
      ++counters_.repaired_symbols;
    }
  }
  return true;
}

uint64_t StreamSender::last_symbol() const { return symbol_; }

}  // namespace replicast::delivery
