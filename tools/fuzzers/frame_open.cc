// Feeds datagrams to ParseFrame and EpochKey::Open: arbitrary bytes; frames sealed under the right key with arbitrary
// numbers and payload; such frames with one byte changed.
// Oracle: exactly the canonical encoding is accepted (it is written again the same, and protobuf reads the same from
// it); what was sealed opens to what it was sealed from, and a changed frame does not open.
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/epoch_key.h"
#include "common/wire/frame_codec.h"
#include "replicast/v1/frames.pb.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"

namespace replicast::fuzz {
namespace {

constexpr uint32_t kEpoch = 7;

void CheckParsed(const std::string& datagram) {
  const auto frame = wire::ParseFrame(datagram);
  if (!frame) return;
  REPLICAST_CHECK(datagram.size() <= limits::kMaxDatagram);
  REPLICAST_CHECK(wire::SerializeFrame(*frame) == datagram);
  v1::Frame message;
  REPLICAST_CHECK(message.ParseFromString(datagram));
  REPLICAST_CHECK(message.stream_id() == frame->stream_id && message.key_epoch() == frame->key_epoch &&
                  message.sequence() == frame->sequence);
  REPLICAST_CHECK((frame->is_key_update ? message.key_update() : message.sealed()) == frame->body);
}

void CheckSealed(FuzzInput& input) {
  wire::EpochKey key(kStream, kEpoch, SecretOf(kEpoch));
  const uint64_t sequence = input.Number();
  const uint8_t change = input.Byte();
  const uint64_t where = input.Number();
  const std::string payload = input.Rest();
  std::string datagram = key.Seal(sequence, payload);
  if (change != 0) datagram[where % datagram.size()] ^= static_cast<char>(change);
  CheckParsed(datagram);
  const auto frame = wire::ParseFrame(datagram);
  if (!frame) {
    REPLICAST_CHECK(change != 0 || sequence == 0 || datagram.size() > limits::kMaxDatagram);
    return;
  }
  const auto opened = key.Open(*frame);
  REPLICAST_CHECK(change != 0 ? !opened.has_value() : opened == payload);
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const std::string_view frame : {wire::golden::kFrame, wire::golden::kKeyUpdateFrame})
    seeds.push_back(SeedWriter().Byte(0).Rest(Golden(frame)).Done());
  const std::string payload = Golden(wire::golden::kPayload);
  seeds.push_back(SeedWriter().Byte(1).Number(5).Byte(0).Number(0).Rest(payload).Done());
  seeds.push_back(SeedWriter().Byte(1).Number(uint64_t{1} << 40).Byte(0).Number(0).Rest(payload + payload).Done());
  seeds.push_back(SeedWriter().Byte(1).Number(5).Byte(0x80).Number(30).Rest(payload).Done());
  return seeds;
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  if (!input.Bool()) {
    const std::string datagram = input.Rest();
    replicast::fuzz::CheckParsed(datagram);
    replicast::wire::EpochKey key(replicast::fuzz::kStream, replicast::fuzz::kEpoch, replicast::fuzz::SecretOf(7));
    if (const auto frame = replicast::wire::ParseFrame(datagram)) key.Open(*frame);
  } else {
    replicast::fuzz::CheckSealed(input);
  }
  return 0;
}
