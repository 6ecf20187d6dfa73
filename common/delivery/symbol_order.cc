#include "common/delivery/symbol_order.h"

#include <algorithm>

#include "common/base/limits.h"

namespace replicast::delivery {
namespace {

// So many implausible numbers in a row mean that it is the order that is wrong.
constexpr int kMostStrays = 64;
// So many hints in a row that the sender has not sent yet what we are past, and we followed a forged number. Heartbeats
// that symbols overtook on the way are fewer.
constexpr int kMostLowHints = 4;

}  // namespace

void SymbolOrder::Begin(uint64_t next) {
  started_ = true;
  began_ = true;
  next_ = next;
  highest_ = next - 1;
  in_message_ = false;
  message_.clear();
  strays_ = low_hints_ = 0;
}

bool SymbolOrder::TakeBegan() { return std::exchange(began_, false); }

void SymbolOrder::NoteKnown(uint64_t number) {
  if (number <= highest_) return;
  expected_ += number - highest_;
  highest_ = number;
}

SymbolOrder::Result SymbolOrder::Add(v1::Symbol symbol) {
  const uint64_t number = symbol.number();
  if (!started_) {
    if (!symbol.first()) return Result::kDuplicate;  // the middle of a message whose beginning was not heard
    Begin(number);
  }
  const bool stray = number >= next_ ? number - next_ > kMostAhead : next_ - number > kMostAhead;
  if (stray) {
    if (++strays_ >= kMostStrays) Reset();
    return Result::kTooFar;
  }
  strays_ = 0;
  if (number < next_ || kept_.contains(number)) return Result::kDuplicate;
  if (number > highest_ + 1) missing_ += number - highest_ - 1;
  NoteKnown(number);
  if (number == next_) {
    Deliver(std::move(symbol));
    DeliverKept();
    return Result::kKept;
  }
  kept_bytes_ += symbol.data().size();
  kept_.emplace(number, std::move(symbol));
  if (kept_bytes_ > most_bytes_) SkipGaps();
  return Result::kKept;
}

void SymbolOrder::DeliverKept() {
  for (auto first = kept_.begin(); first != kept_.end() && first->first == next_; first = kept_.erase(first)) {
    kept_bytes_ -= first->second.data().size();
    Deliver(std::move(first->second));
  }
}

void SymbolOrder::Deliver(v1::Symbol symbol) {
  next_ = symbol.number() + 1;
  if (symbol.first()) {
    message_.clear();
    content_ = symbol.content();
    in_message_ = true;
  }
  if (!in_message_) return;
  message_ += symbol.data();
  if (message_.size() > limits::kMaxSignedPartBytes) in_message_ = false;
  if (!in_message_ || !symbol.last()) return;
  (content_ == v1::SYMBOL_CONTENT_NOTICE ? notices_ : messages_).push_back(std::move(message_));
  message_.clear();
  in_message_ = false;
}

void SymbolOrder::OnHint(uint64_t last_symbol) {
  if (!started_) {
    Begin(last_symbol + 1);
    return;
  }
  if (last_symbol + 1 < next_) {
    if (++low_hints_ >= kMostLowHints) Reset();
    return;
  }
  // One too far ahead proves nothing; frames will.
  if (last_symbol - next_ > kMostAhead && last_symbol >= next_) return;
  low_hints_ = 0;
  if (last_symbol < next_) return;
  if (last_symbol > highest_) missing_ += last_symbol - highest_;
  NoteKnown(last_symbol);
}

std::vector<std::string> SymbolOrder::TakeMessages() { return std::exchange(messages_, {}); }

std::vector<std::string> SymbolOrder::TakeNotices() { return std::exchange(notices_, {}); }

bool SymbolOrder::has_gap() const { return started_ && highest_ >= next_; }

bool SymbolOrder::crowded() const { return kept_bytes_ > most_bytes_ / 4 * 3; }

std::vector<SymbolSpan> SymbolOrder::Missing() const {
  std::vector<SymbolSpan> spans;
  if (!has_gap()) return spans;
  uint64_t budget = limits::kMaxRepairSymbols;
  const auto add = [&](uint64_t first, uint64_t last) {
    if (first > last || spans.size() >= limits::kMaxRepairRanges) return;
    last = std::min(last, first + budget - 1);
    budget -= last - first + 1;
    spans.push_back({first, last});
  };
  uint64_t from = next_;
  for (const auto& [number, symbol] : kept_) {
    add(from, number - 1);
    from = number + 1;
    if (budget == 0) return spans;
  }
  add(from, highest_);
  return spans;
}

void SymbolOrder::SkipGaps() {
  // The newest unbroken run of kept symbols, and the earliest first flag in it.
  auto begin = kept_.end();
  uint64_t expected = highest_;
  for (auto each = kept_.end(); each != kept_.begin();) {
    --each;
    if (each->first != expected) break;
    --expected;
    if (each->second.first()) begin = each;
  }
  for (auto each = kept_.begin(); each != begin; each = kept_.erase(each)) kept_bytes_ -= each->second.data().size();
  in_message_ = false;
  message_.clear();
  next_ = begin == kept_.end() ? highest_ + 1 : begin->first;
  DeliverKept();
}

void SymbolOrder::Reset() {
  started_ = false;
  kept_.clear();
  kept_bytes_ = 0;
  in_message_ = false;
  message_.clear();
  strays_ = low_hints_ = 0;
}

}  // namespace replicast::delivery
