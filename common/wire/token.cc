#include "common/wire/token.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::wire {
namespace {

constexpr std::string_view kPrefix = "replicast1.";
constexpr size_t kMostText = 16384;

absl::Status Malformed(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "TOKEN_MALFORMED",
               "the join token " + why + "; copy it whole, as `replicast token create` printed it");
}

}  // namespace

std::string TokenToText(const v1::JoinToken& token) {
  return std::string(kPrefix) + Base64UrlEncode(token.SerializeAsString());
}

absl::StatusOr<v1::JoinToken> TokenFromText(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n')) text.remove_prefix(1);
  if (text.empty()) return Malformed("is empty");
  if (!text.starts_with(kPrefix)) return Malformed("is none: it does not begin with \"replicast1.\"");
  if (text.size() > kMostText) return Malformed("is too long");
  const auto bytes = Base64UrlDecode(text.substr(kPrefix.size()));
  v1::JoinToken token;
  if (!bytes || !token.ParseFromString(*bytes)) return Malformed("is cut short or was changed");
  if (token.enrolment_addresses().empty() || token.member_addresses().empty() || token.ca_certificate().empty() ||
      token.id().empty() || token.secret().empty()) {
    return Malformed("is cut short");
  }
  return token;
}

}  // namespace replicast::wire
