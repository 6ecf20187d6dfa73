// Feeds a StreamReceiver as everybody in the group can: datagrams of arbitrary bytes; frames sealed under the right key
// with an arbitrary payload, symbol or heartbeat; key updates with arbitrary content that the server signed; key
// bundles; time; answers to repairs.
// Oracle: what it asks to be repaired stays within its bounds and is in order; a message is no longer than a part may
// be; the epoch is one whose key was given by a bundle or a signed update; counters count every datagram.
#include <algorithm>
#include <set>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/delivery/stream_receiver.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"

namespace replicast::fuzz {
namespace {

constexpr uint32_t kFirstEpoch = 7;
constexpr size_t kReorderBytes = 4096;
constexpr int kMostSteps = 300;

delivery::StreamReceiver::Options Options() {
  delivery::StreamReceiver::Options options;
  options.stream_id = kStream;
  options.definition = TheDefinition();
  options.signing_public_key = Golden(wire::golden::kSigningPublicKey);
  options.reorder_bytes = kReorderBytes;
  return options;
}

class Receiver {
 public:
  explicit Receiver(FuzzInput input) : input_(input) { Bundle(kIncarnation, kFirstEpoch, 1); }

  void Run() {
    for (int step = 0; step < kMostSteps && !input_.empty(); ++step) {
      Step();
      Check();
    }
  }

 private:
  void Step() {
    switch (input_.Byte() % 8) {
      case 0:
        return Hear(input_.Bytes());
      case 1:
        return Sealed(input_.Bytes());
      case 2:
        return Sealed(SymbolPayload());
      case 3:
        return Sealed(HeartbeatPayload());
      case 4:
        return KeyUpdate(input_.Bytes());
      case 5:
        return GoodKeyUpdate();
      case 6:
        return PassTime();
      default:
        return Bundle(input_.Byte() % 4, kFirstEpoch + input_.Byte() % 4, input_.Byte() % 3);
    }
  }

  void Hear(const std::string& datagram) {
    ++heard_;
    receiver_.OnDatagram(datagram, now_);
  }

  void Sealed(const std::string& payload) {
    const uint32_t epoch = kFirstEpoch + input_.Byte() % 4;
    sequence_ += input_.Byte() % 8;
    wire::EpochKey key(kStream, epoch, SecretOf(epoch));
    Hear(key.Seal(sequence_, payload));
  }

  std::string SymbolPayload() {
    v1::Payload payload;
    v1::Symbol& symbol = *payload.mutable_symbol();
    const uint8_t how = input_.Byte();
    symbol_ = (how & 8) != 0 ? input_.Number() : symbol_ + 1 + (how >> 4);
    symbol.set_number(symbol_);
    symbol.set_content(v1::SYMBOL_CONTENT_UNIT_PART);
    symbol.set_first((how & 1) != 0);
    symbol.set_last((how & 2) != 0);
    symbol.set_data((how & 4) != 0 ? std::string(1000, 'x') : input_.Bytes());
    return payload.SerializeAsString();
  }

  std::string HeartbeatPayload() {
    v1::Payload payload;
    v1::Heartbeat& heartbeat = *payload.mutable_heartbeat();
    const uint8_t how = input_.Byte();
    heartbeat.set_last_symbol((how & 1) != 0 ? input_.Number() : symbol_ + (how >> 4));
    heartbeat.set_group_size(static_cast<uint32_t>(input_.Number()));
    heartbeat.set_round_trip_microseconds(static_cast<uint32_t>(input_.Number()));
    return payload.SerializeAsString();
  }

  void KeyUpdate(const std::string& content) {
    v1::SignedKeyUpdate message;
    message.set_update(content);
    message.set_signature(TheSigner().Sign(wire::kKeyUpdateDomain, content));
    v1::KeyUpdate update;
    if (update.ParseFromString(content)) given_.insert(update.to_epoch());
    Hear(wire::SerializeFrame({kStream, kFirstEpoch, ++sequence_, true, message.SerializeAsString()}));
  }

  void GoodKeyUpdate() {
    const uint32_t from = kFirstEpoch + input_.Byte() % 4;
    const uint8_t how = input_.Byte();
    const wire::EpochKey current(kStream, from, SecretOf(from));
    const wire::EpochKey next(kStream, from + 1, SecretOf(from + 1));
    const auto kind = static_cast<v1::KeyUpdateKind>(1 + how % 3);
    given_.insert(from + 1);
    Hear(wire::SerializeFrame({kStream, from, ++sequence_, true,
                               wire::SignKeyUpdate(kind, TheDefinition(), kIncarnation, kStream, current, next,
                                                   std::string(32, 's'), TheSigner())
                                   .SerializeAsString()}));
  }

  void PassTime() {
    now_ += absl::Milliseconds(input_.Number() % 100'000);
    receiver_.OnTime(now_);
    const std::vector<delivery::SymbolSpan> asked = receiver_.TakeRepair(now_);
    CheckSpans(asked);
    const uint8_t how = input_.Byte();
    if (!asked.empty()) receiver_.OnRepairAnswer((how & 1) != 0, absl::Milliseconds(how), now_);
    if ((how & 2) != 0) receiver_.GiveUpGaps();
    receiver_.TakeCatchUpWanted();
    REPLICAST_CHECK(receiver_.KeysDelay() <= absl::Seconds(10));
  }

  void Bundle(uint32_t incarnation, uint32_t epoch, int more) {
    v1::KeyBundle bundle;
    bundle.set_stream_id(kStream);
    bundle.set_definition_hash(TheDefinition().ToBytes());
    bundle.set_incarnation(incarnation);
    for (int i = 0; i <= more; ++i) {
      const wire::EpochKey given(kStream, epoch + static_cast<uint32_t>(i), SecretOf(epoch + static_cast<uint32_t>(i)));
      v1::EpochKey& key = *bundle.add_keys();
      key.set_epoch(given.epoch());
      key.set_secret(given.secret());
      key.set_key_id(given.id().ToBytes());
      given_.insert(given.epoch());
    }
    REPLICAST_CHECK(receiver_.SetKeys(bundle, now_));
  }

  static void CheckSpans(const std::vector<delivery::SymbolSpan>& spans) {
    REPLICAST_CHECK(spans.size() <= limits::kMaxRepairRanges);
    uint64_t symbols = 0, before = 0;
    for (const delivery::SymbolSpan& span : spans) {
      REPLICAST_CHECK(span.first <= span.last && span.first > before);
      symbols += span.last - span.first + 1;
      before = span.last;
    }
    REPLICAST_CHECK(symbols <= limits::kMaxRepairSymbols);
  }

  void Check() {
    for (const std::string& message : receiver_.TakeMessages())
      REPLICAST_CHECK(message.size() <= limits::kMaxSignedPartBytes);
    REPLICAST_CHECK(given_.contains(receiver_.current_epoch()));
    const delivery::ReceiverCounters counters = receiver_.counters();
    uint64_t outcomes = 0;
    for (const uint64_t each : counters.outcomes) outcomes += each;
    // Frames that were kept for their key are looked at a second time.
    REPLICAST_CHECK(outcomes >= heard_ && outcomes <= 2 * heard_);
  }

  FuzzInput input_;
  SeededRandom random_{1};
  delivery::StreamReceiver receiver_{Options(), random_};
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  uint64_t sequence_ = 0, symbol_ = 0, heard_ = 0;
  std::set<uint32_t> given_;
};

}  // namespace

std::vector<std::string> Seeds() {
  const std::string golden = Golden(wire::golden::kPayload);
  SeedWriter gap;
  gap.Byte(2).Byte(1).Bytes("one").Byte(0).Byte(1);      // symbol 1, first
  gap.Byte(2).Byte(0x22).Bytes("four").Byte(0).Byte(1);  // symbol 4, last: a gap
  gap.Byte(3).Byte(0x10).Number(10).Number(500).Byte(0).Byte(1);
  gap.Byte(6).Number(300).Byte(1).Byte(6).Number(5000).Byte(0);
  SeedWriter keys;
  keys.Byte(1).Bytes(golden).Byte(1).Byte(1).Byte(5).Byte(0).Byte(0).Byte(1).Bytes(golden).Byte(1).Byte(1);
  keys.Byte(7).Byte(3).Byte(2).Byte(1).Byte(1).Bytes(golden).Byte(2).Byte(1);
  v1::SignedKeyUpdate update;
  update.ParseFromString(Golden(wire::golden::kKeyUpdate));
  return {SeedWriter().Byte(0).Bytes(Golden(wire::golden::kFrame)).Done(),
          SeedWriter().Byte(0).Bytes(Golden(wire::golden::kKeyUpdateFrame)).Done(),
          SeedWriter().Byte(1).Bytes(golden).Byte(0).Byte(1).Done(),
          SeedWriter().Byte(4).Bytes(update.update()).Done(),
          gap.Done(),
          keys.Done()};
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::Receiver(replicast::fuzz::FuzzInput(data, size)).Run();
  return 0;
}
