#ifndef REPLICAST_CLIENT_RECEIVE_UNIT_ASSEMBLER_H_
#define REPLICAST_CLIENT_RECEIVE_UNIT_ASSEMBLER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/lsn.h"
#include "common/wire/signer.h"
#include "common/wire/unit_codec.h"

namespace replicast {

// What became of a message that claims to be a part of a unit; each has its counter and its name (PartOutcomeName).
enum class PartOutcome : uint8_t {
  kPart,  // signed by the server, continues its unit or begins one
  kBadSignature,
  kMalformed,
  kOtherDefinition,  // signed by the server, but of another dataset
  kBrokenChain,      // the part before it is missing
  kCount,
};
std::string_view PartOutcomeName(PartOutcome outcome);  // "bad_signature"

// Messages of one path → verified parts in the order of their units. A part goes through only right behind the part
// before it, so what is behind it sees whole units or beginnings of units, never a hole. Sans-IO, one thread.
class UnitAssembler {
 public:
  UnitAssembler(std::string signing_public_key, const DefinitionHash& definition);

  // `message`: a serialized v1.SignedUnitPart. `part` is set for kPart only.
  PartOutcome Take(std::string message, wire::UnitPart* part);
  // What was begun is not continued (the messages before were skipped, or another path takes over).
  void Forget() { open_ = false; }
  // A unit was begun and its final part has not come.
  bool open() const { return open_; }

  uint64_t count(PartOutcome outcome) const { return counts_[static_cast<size_t>(outcome)]; }
  const wire::Verifier& verifier() const { return verifier_; }

 private:
  PartOutcome Check(const wire::UnitPart& part);
  bool Continues(const v1::UnitHeader& header) const;

  const wire::Verifier verifier_;
  const std::string definition_;
  bool open_ = false;
  v1::UnitHeader last_;  // of the part before, while open_
  std::string chain_;    // what the next part must carry, while open_
  std::array<uint64_t, static_cast<size_t>(PartOutcome::kCount)> counts_{};
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_RECEIVE_UNIT_ASSEMBLER_H_
