#include "server/store/unit_decoder.h"

#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/unit_codec.h"
#include "replicast/v1/units.pb.h"

namespace replicast::store {
namespace {

absl::Status Malformed() {
  return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
               "the unit store holds a malformed unit: restore the server's directory from a backup");
}

wire::UnitReader ReaderFor(const v1::DatasetSchema& schema, wire::UnitReader::Handlers changes) {
  std::vector<size_t> key_counts, column_counts;
  for (const v1::TableSchema& table : schema.tables()) {
    key_counts.push_back(static_cast<size_t>(table.key_columns_size()));
    column_counts.push_back(static_cast<size_t>(table.columns_size()));
  }
  return {std::move(key_counts), std::move(column_counts), std::move(changes)};
}

}  // namespace

UnitDecoder::UnitDecoder(const v1::DatasetSchema& schema, wire::UnitReader::Handlers changes)
    : reader_(ReaderFor(schema, std::move(changes))) {}

absl::Status UnitDecoder::Read(std::string_view part) {
  v1::SignedUnitPart message;
  if (!message.ParseFromArray(part.data(), static_cast<int>(part.size()))) return Malformed();
  if (message.body().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string plain, wire::Decompress(message.body(), limits::kMaxUnitPartBytes));
  v1::UnitBody body;
  if (!body.ParseFromString(plain)) return Malformed();
  const absl::Status read = reader_.Read(body);
  return ReasonOf(read) == "UNIT_MALFORMED" ? Malformed() : read;
}

}  // namespace replicast::store
