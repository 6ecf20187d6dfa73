// Feeds signed key updates and key bundles with arbitrary contents: bytes as they are; an update's content signed by
// the server; an update made as the server makes it, from arbitrary fields. Oracle: an update is taken only with a
// right signature; the key that comes out of it fits its commitment, its stream and its epoch; what the server makes is
// understood, and gives the very next key.
#include "common/base/errors.h"
#include "common/wire/epoch_key.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"

namespace replicast::fuzz {
namespace {

constexpr uint32_t kEpoch = 7;

void CheckOpened(const std::string& bytes) {
  const auto update = wire::VerifyKeyUpdate(bytes, TheVerifier());
  if (!update) return;
  const wire::EpochKey current(kStream, kEpoch, SecretOf(kEpoch));
  const auto next = wire::OpenKeyUpdate(*update, current);
  if (next == nullptr) return;
  REPLICAST_CHECK(next->stream_id() == kStream && next->epoch() == update->to_epoch() && next->epoch() > kEpoch);
  REPLICAST_CHECK(next->id().view() == update->key_id());
}

std::string Signed(const std::string& content) {
  v1::SignedKeyUpdate message;
  message.set_update(content);
  message.set_signature(TheSigner().Sign(wire::kKeyUpdateDomain, content));
  return message.SerializeAsString();
}

void CheckMade(FuzzInput& input) {
  const bool wrapped = input.Bool();
  const auto epoch = static_cast<uint32_t>(input.Number());
  std::string secret = input.Bytes(), salt = input.Bytes();
  secret.resize(32);
  salt.resize(32);
  if (epoch <= kEpoch) return;
  const wire::EpochKey current(kStream, kEpoch, SecretOf(kEpoch));
  if (!wrapped) secret = wire::RatchetSecret(current, kStream, epoch, salt);
  const wire::EpochKey next(kStream, epoch, secret);
  const std::string bytes =
      wire::SignKeyUpdate(wrapped ? v1::KEY_UPDATE_KIND_WRAPPED : v1::KEY_UPDATE_KIND_RATCHET, TheDefinition(),
                          kIncarnation, kStream, current, next, salt, TheSigner())
          .SerializeAsString();
  const auto update = wire::VerifyKeyUpdate(bytes, TheVerifier());
  REPLICAST_CHECK(update.has_value());
  const auto opened = wire::OpenKeyUpdate(*update, current);
  REPLICAST_CHECK(opened != nullptr && opened->secret() == next.secret() && opened->id() == next.id());
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string golden = Golden(wire::golden::kKeyUpdate);
  v1::SignedKeyUpdate message;
  message.ParseFromString(golden);
  return {SeedWriter().Byte(0).Rest(golden).Done(), SeedWriter().Byte(1).Rest(message.update()).Done(),
          SeedWriter().Byte(2).Byte(1).Number(8).Bytes(SecretOf(8)).Bytes(SecretOf(9)).Done(),
          SeedWriter().Byte(2).Byte(0).Number(9).Bytes("").Bytes(SecretOf(9)).Done()};
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  switch (input.Byte() % 3) {
    case 0:
      replicast::fuzz::CheckOpened(input.Rest());
      break;
    case 1:
      replicast::fuzz::CheckOpened(replicast::fuzz::Signed(input.Rest()));
      break;
    default:
      replicast::fuzz::CheckMade(input);
  }
  return 0;
}
