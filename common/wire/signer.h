#ifndef REPLICAST_COMMON_WIRE_SIGNER_H_
#define REPLICAST_COMMON_WIRE_SIGNER_H_

#include <string>
#include <string_view>

namespace replicast::wire {

// What a signature says it is for: the domain tag is in every signed message (FORMAT.md).
inline constexpr std::string_view kUnitPartDomain = "replicast.v1 unit part";
inline constexpr std::string_view kChunkDomain = "replicast.v1 chunk";
inline constexpr std::string_view kKeyUpdateDomain = "replicast.v1 key update";
inline constexpr std::string_view kKeysDomain = "replicast.v1 keys";

// What stands for a header and its body in a signature: SHA-256(header) SHA-256(body).
std::string HeaderAndBody(std::string_view header, std::string_view body);

// Ed25519 over domain 0x00 message. Thread safe.
class Signer {
 public:
  explicit Signer(std::string private_key) : private_key_(std::move(private_key)) {}
  std::string Sign(std::string_view domain, std::string_view message) const;

 private:
  std::string private_key_;
};

class Verifier {
 public:
  explicit Verifier(std::string public_key) : public_key_(std::move(public_key)) {}
  bool Verify(std::string_view domain, std::string_view message, std::string_view signature) const;

 private:
  std::string public_key_;
};

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_SIGNER_H_
