#ifndef REPLICAST_COMMON_DELIVERY_SYMBOL_ORDER_H_
#define REPLICAST_COMMON_DELIVERY_SYMBOL_ORDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/limits.h"
#include "common/delivery/stream_sender.h"
#include "replicast/v1/frames.pb.h"

namespace replicast::delivery {

// Symbols of one incarnation in any order → messages, strictly in order of number. What is above a gap is kept, bounded
// in bytes and in distance. Numbers come from frames that any member could have forged, so a number alone never moves
// the order far: beyond kMostAhead it is refused; and when only refused or long gone numbers come, or the sender says
// again and again that it has not come so far, the order starts anew.
class SymbolOrder {
 public:
  // How far above the next symbol one is still kept.
  static constexpr uint64_t kMostAhead = 1 << 16;

  // `most_bytes`: of symbols that are kept above a gap.
  explicit SymbolOrder(size_t most_bytes = limits::kReorderBytes) : most_bytes_(most_bytes) {}

  enum class Result { kKept, kDuplicate, kTooFar };
  Result Add(v1::Symbol symbol);
  // The sender says that it has sent up to here. Also begins the order when nothing was heard yet.
  void OnHint(uint64_t last_symbol);
  std::vector<std::string> TakeMessages();
  // Likewise, of the other content.
  std::vector<std::string> TakeNotices();

  // Known to be missing, lowest first, at most limits::kMaxRepairRanges spans and kMaxRepairSymbols symbols.
  std::vector<SymbolSpan> Missing() const;
  bool has_gap() const;
  // Kept bytes have passed three quarters of the limit.
  bool crowded() const;
  // Goes on with the newest unbroken run that begins with a first flag; what is before it is lost for good.
  void SkipGaps();
  void Reset();

  // Symbols that should have come, and those found missing, since the beginning.
  uint64_t expected() const { return expected_; }
  uint64_t missing() const { return missing_; }
  // True once after the order began or began anew: what was sent before is not in it.
  bool TakeBegan();

 private:
  void Deliver(v1::Symbol symbol);
  void DeliverKept();
  void Begin(uint64_t next);
  // Counts what lies between the highest number known and this one.
  void NoteKnown(uint64_t number);

  const size_t most_bytes_;
  bool started_ = false, began_ = false;
  uint64_t next_ = 0;     // to be delivered
  uint64_t highest_ = 0;  // known to have been sent
  std::map<uint64_t, v1::Symbol> kept_;
  size_t kept_bytes_ = 0;
  bool in_message_ = false;                                   // false: the next symbol must carry a first flag
  v1::SymbolContent content_ = v1::SYMBOL_CONTENT_UNIT_PART;  // of that message
  std::string message_;
  std::vector<std::string> messages_, notices_;
  uint64_t expected_ = 0, missing_ = 0;
  int strays_ = 0;     // implausible numbers since the last plausible one
  int low_hints_ = 0;  // hints below what was delivered since the last plausible one
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_SYMBOL_ORDER_H_
