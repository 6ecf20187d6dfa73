#include "common/wire/token.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/errors.h"

namespace replicast::wire {
namespace {

v1::JoinToken Token() {
  v1::JoinToken token;
  token.add_enrolment_addresses("192.0.2.1:7421");
  token.add_member_addresses("192.0.2.1:7420");
  token.set_ca_certificate(std::string(300, 'c'));
  token.set_id(std::string(16, 'i'));
  token.set_secret(std::string(32, 's'));
  return token;
}

TEST(TokenTest, ComesBackFromItsText) {
  const std::string text = TokenToText(Token());
  EXPECT_EQ(text.substr(0, 11), "replicast1.");
  const auto token = TokenFromText(text);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->SerializeAsString(), Token().SerializeAsString());
}

TEST(TokenTest, SpacesAroundItDoNotMatter) {
  EXPECT_TRUE(TokenFromText(" \t\n" + TokenToText(Token()) + " \r\n\n").ok());
}

TEST(TokenTest, EveryCutTokenIsRefused) {
  const std::string text = TokenToText(Token());
  for (size_t length = 0; length < text.size(); ++length) {
    const auto token = TokenFromText(text.substr(0, length));
    ASSERT_FALSE(token.ok()) << length;
    ASSERT_EQ(token.status().code(), absl::StatusCode::kInvalidArgument);
    ASSERT_EQ(ReasonOf(token.status()), "TOKEN_MALFORMED");
  }
}

TEST(TokenTest, TheErrorSaysWhatLooksWrong) {
  const auto said = [](const std::string& text) { return std::string(TokenFromText(text).status().message()); };
  EXPECT_NE(said("").find("is empty"), std::string::npos);
  EXPECT_NE(said("secret").find("does not begin with \"replicast1.\""), std::string::npos);
  EXPECT_NE(said("replicast1.AB!D").find("cut short or was changed"), std::string::npos);
  EXPECT_NE(said("replicast1." + std::string(20'000, 'A')).find("too long"), std::string::npos);
  v1::JoinToken incomplete = Token();
  incomplete.clear_secret();
  EXPECT_NE(said(TokenToText(incomplete)).find("cut short"), std::string::npos);
  for (const std::string& message : {said(""), said("secret")})
    EXPECT_NE(message.find("copy it whole"), std::string::npos);
}

}  // namespace
}  // namespace replicast::wire
