#include "common/wire/signer.h"

#include "common/crypto/crypto.h"

namespace replicast::wire {
namespace {

std::string Tagged(std::string_view domain, std::string_view message) {
  std::string tagged;
  tagged.reserve(domain.size() + 1 + message.size());
  tagged.append(domain).push_back('\0');
  return tagged.append(message);
}

}  // namespace

std::string HeaderAndBody(std::string_view header, std::string_view body) {
  std::string message;
  for (const std::string_view piece : {header, body}) {
    const crypto::Sha256Digest hash = crypto::Sha256(piece);
    message.append(reinterpret_cast<const char*>(hash.data()), hash.size());
  }
  return message;
}

std::string Signer::Sign(std::string_view domain, std::string_view message) const {
  return crypto::SignEd25519(private_key_, Tagged(domain, message));
}

bool Verifier::Verify(std::string_view domain, std::string_view message, std::string_view signature) const {
  return crypto::VerifyEd25519(public_key_, Tagged(domain, message), signature);
}

}  // namespace replicast::wire
