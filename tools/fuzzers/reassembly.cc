// Feeds a SymbolOrder and a UnitAssembler behind it: symbols in any order with any flags, hints, given-up gaps; pieces
// of parts of units that the server signed, and of parts that another key signed or that are of another dataset.
// Oracle: a message is an unbroken run of symbols that were given in, from one with a first flag to the next last flag,
// each symbol in one message at most, messages in the order of their numbers until the order begins anew; a part that
// goes through was signed by the server for this dataset, and follows the part before it.
#include <map>
#include <optional>

#include "client/receive/unit_assembler.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/delivery/symbol_order.h"
#include "common/wire/unit_codec.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"

namespace replicast::fuzz {
namespace {

constexpr size_t kReorderBytes = 4096;
constexpr int kMostSteps = 400;
constexpr size_t kTagBytes = 8;
constexpr uint64_t kMostNumber = UINT64_MAX / 2;  // a StreamReceiver lets no higher one through

// A unit of several parts.
std::vector<std::string> MakeParts(const DefinitionHash& definition, const wire::Signer& signer, int parts) {
  std::vector<std::string> made;
  v1::UnitHeader header;
  header.set_kind(v1::UNIT_KIND_CHANGES);
  header.set_history_id(TheHistory().ToBytes());
  header.set_definition_hash(definition.ToBytes());
  header.set_prev_lsn(Lsn::Of(1, 0).value);
  header.set_last_lsn(Lsn::Of(static_cast<uint64_t>(parts) + 1, 0).value);
  wire::UnitWriter writer(header, {1}, {2}, signer, [&](uint32_t, wire::EncodedPart part) {
    made.push_back(std::move(part));
    return absl::OkStatus();
  });
  // Two rows fill a part; of one byte, they are packed to nearly nothing.
  for (int i = 0; i < 2 * parts - 1; ++i) {
    const size_t size = i + 2 < 2 * parts ? limits::kUnitPartBytes / 2 : 10;
    REPLICAST_CHECK(writer.Upsert(0, {int64_t{i}, Text{std::string(size, 'x')}}).ok());
  }
  REPLICAST_CHECK(writer.Finish({}).ok());
  return made;
}

// What a sender, a member, or the server for somebody else may send.
const std::vector<std::string>& Parts() {
  static const std::vector<std::string> parts = [] {
    std::vector<std::string> all;
    const wire::Signer forger(crypto::GenerateEd25519().private_key);
    for (const auto& unit : {MakeParts(TheDefinition(), TheSigner(), 1), MakeParts(TheDefinition(), TheSigner(), 3),
                             MakeParts(DefinitionHash(), TheSigner(), 2), MakeParts(TheDefinition(), forger, 2)}) {
      all.insert(all.end(), unit.begin(), unit.end());
    }
    return all;
  }();
  return parts;
}
constexpr size_t kGoodParts = 4;  // so many stand first

class Order {
 public:
  explicit Order(FuzzInput input) : input_(input) {}

  void Run() {
    for (int step = 0; step < kMostSteps && !input_.empty(); ++step) {
      switch (input_.Byte() % 8) {
        case 0:
          Hint();
          break;
        case 1:
          order_.SkipGaps();
          break;
        default:
          Add();
      }
      Check();
    }
  }

 private:
  struct Given {
    uint64_t number;
    bool first, last, delivered = false;
  };

  uint64_t Number() {
    const uint8_t how = input_.Byte();
    return number_ = how == 255 ? input_.Number() : number_ + how % 8 - 1;
  }

  void Hint() {
    const uint64_t number = Number();
    if (number <= kMostNumber) order_.OnHint(number);
  }

  void Add() {
    v1::Symbol symbol;
    symbol.set_number(Number());
    if (symbol.number() == 0 || symbol.number() > kMostNumber) return;
    const uint8_t flags = input_.Byte();
    symbol.set_first((flags & 1) != 0);
    symbol.set_last((flags & 2) != 0);
    // The data tell which call brought them.
    AppendBigEndian64(symbol.mutable_data(), given_.size());
    given_.push_back({symbol.number(), symbol.first(), symbol.last()});
    order_.Add(std::move(symbol));
  }

  void Check() {
    if (order_.TakeBegan()) highest_ = 0;
    for (const std::string& message : order_.TakeMessages()) CheckMessage(message);
    uint64_t before = 0, symbols = 0;
    const auto missing = order_.Missing();
    for (const delivery::SymbolSpan& span : missing) {
      REPLICAST_CHECK(span.first > before && span.last >= span.first);
      symbols += span.last - span.first + 1;
      before = span.last;
    }
    REPLICAST_CHECK(missing.size() <= limits::kMaxRepairRanges && symbols <= limits::kMaxRepairSymbols);
    REPLICAST_CHECK(order_.has_gap() == !missing.empty());
  }

  void CheckMessage(const std::string& message) {
    REPLICAST_CHECK(!message.empty() && message.size() % kTagBytes == 0);
    const size_t count = message.size() / kTagBytes;
    for (size_t i = 0; i < count; ++i) {
      Given& symbol = given_.at(ReadBigEndian64(message.data() + kTagBytes * i));
      REPLICAST_CHECK(symbol.first == (i == 0) && symbol.last == (i + 1 == count));
      REPLICAST_CHECK(i == 0 ? symbol.number > highest_ : symbol.number == highest_ + 1);
      REPLICAST_CHECK(!std::exchange(symbol.delivered, true));
      highest_ = symbol.number;
    }
  }

  FuzzInput input_;
  delivery::SymbolOrder order_{kReorderBytes};
  std::vector<Given> given_;
  uint64_t number_ = 1, highest_ = 0;
};

// Pieces of real parts, so that whole ones come out at the end.
class Assembly {
 public:
  explicit Assembly(FuzzInput input) : input_(input) {}

  void Run() {
    for (int step = 0; step < kMostSteps && !input_.empty(); ++step) {
      const uint8_t how = input_.Byte();
      if (how % 16 == 15) {
        assembler_.Forget();
        before_.reset();
      } else if (how % 16 == 14) {
        Take(input_.Bytes());
      } else {
        Send(Parts()[how % Parts().size()], input_.Byte());
      }
      for (std::string& message : order_.TakeMessages()) Take(std::move(message));
    }
  }

 private:
  // Cut into symbols, of which one may be left out, sent twice, or changed.
  void Send(const std::string& part, uint8_t how) {
    const size_t piece = 16 + 8 * (how & 7);
    const size_t count = (part.size() + piece - 1) / piece;
    const size_t odd = how >> 5 == 0 ? count : (how >> 3) % count;
    for (size_t i = 0; i < count; ++i) {
      v1::Symbol symbol;
      symbol.set_number(++number_);
      symbol.set_first(i == 0);
      symbol.set_last(i + 1 == count);
      symbol.set_data(part.substr(piece * i, piece));
      if (i == odd && (how >> 5) == 1) continue;
      if (i == odd && (how >> 5) == 2) (*symbol.mutable_data())[0] ^= 1;
      if (i == odd) order_.Add(symbol);
      order_.Add(std::move(symbol));
    }
    if (order_.has_gap()) order_.SkipGaps();
  }

  void Take(std::string message) {
    wire::UnitPart part;
    const PartOutcome outcome = assembler_.Take(message, &part);
    if (outcome != PartOutcome::kPart) {
      before_.reset();
      REPLICAST_CHECK(!assembler_.open());
      return;
    }
    size_t which = 0;
    while (which < kGoodParts && Parts()[which] != message) ++which;
    REPLICAST_CHECK(which < kGoodParts && part.encoded == message);
    // Part n of the second unit only behind part n - 1.
    REPLICAST_CHECK(which < 2 || before_ == which - 1);
    REPLICAST_CHECK(assembler_.open() == (which == 1 || which == 2));
    before_ = which;
  }

  FuzzInput input_;
  delivery::SymbolOrder order_{kReorderBytes};
  UnitAssembler assembler_{Golden(wire::golden::kSigningPublicKey), TheDefinition()};
  uint64_t number_ = 0;
  std::optional<size_t> before_;
};

}  // namespace

std::vector<std::string> Seeds() {
  SeedWriter order;
  order.Byte(0);
  for (const int flags : {1, 0, 2, 3, 1}) order.Byte(2).Byte(2).Byte(static_cast<uint8_t>(flags));
  order.Byte(2).Byte(4).Byte(2).Byte(0).Byte(5).Byte(1).Byte(2).Byte(2).Byte(3);
  SeedWriter parts;
  parts.Byte(1);
  for (const int part : {0, 1, 2, 3, 4, 6, 15, 1, 2}) parts.Byte(static_cast<uint8_t>(part)).Byte(4);
  SeedWriter odd;
  odd.Byte(1).Byte(1).Byte(0x24).Byte(1).Byte(4).Byte(2).Byte(0x4c).Byte(0).Byte(0x67).Byte(14).Bytes("junk");
  return {order.Done(), parts.Done(), odd.Done()};
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  if (input.Bool())
    replicast::fuzz::Assembly(input).Run();
  else
    replicast::fuzz::Order(input).Run();
  return 0;
}
