#ifndef REPLICAST_COMMON_WIRE_TOKEN_H_
#define REPLICAST_COMMON_WIRE_TOKEN_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "replicast/v1/tokens.pb.h"

namespace replicast::wire {

std::string TokenToText(const v1::JoinToken& token);
// INVALID_ARGUMENT (reason TOKEN_MALFORMED) with a line that says what looks wrong with it: not a token, cut short.
absl::StatusOr<v1::JoinToken> TokenFromText(std::string_view text);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_TOKEN_H_
