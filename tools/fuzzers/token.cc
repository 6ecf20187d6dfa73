// Feeds texts to TokenFromText: as they are; and the text form of arbitrary bytes.
// Oracle: a token that is accepted, written and read again is the same token; base64 has one text for one value.
#include "common/wire/token.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"

namespace replicast::fuzz {

std::vector<std::string> Seeds() {
  const std::string text(wire::golden::kToken);
  const std::string bytes = *Base64UrlDecode(text.substr(11));
  return {SeedWriter().Byte(0).Rest(text).Done(), SeedWriter().Byte(0).Rest(" " + text + "\r\n").Done(),
          SeedWriter().Byte(1).Rest(bytes).Done()};
}

namespace {

void Check(const std::string& text) {
  if (const auto bytes = Base64UrlDecode(text)) REPLICAST_CHECK(Base64UrlEncode(*bytes) == text);
  const auto token = wire::TokenFromText(text);
  if (!token.ok()) return REPLICAST_CHECK(!ReasonOf(token.status()).empty());
  const auto again = wire::TokenFromText(wire::TokenToText(*token));
  REPLICAST_CHECK(again.ok() && again->SerializeAsString() == token->SerializeAsString());
}

}  // namespace
}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  const bool encoded = input.Bool();
  const std::string rest = input.Rest();
  replicast::fuzz::Check(encoded ? "replicast1." + replicast::Base64UrlEncode(rest) : rest);
  return 0;
}
