#include "client/apply/unit_spool.h"

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/long_row.h"

namespace replicast {
namespace {

// What all parts of a unit share.
std::string NameOf(const v1::UnitHeader& header) {
  v1::UnitHeader shared = header;
  shared.clear_part_number();
  shared.clear_final_part();
  shared.clear_earlier_parts_hash();
  shared.clear_digests();
  return shared.SerializeAsString();
}

}  // namespace

absl::StatusOr<bool> UnitSpool::Add(const wire::UnitPart& part, const v1::DatasetSchema& schema) {
  const v1::UnitHeader& header = part.header;
  if (header.part_number() == 1) {
    Clear();
    if (part.body.has_schema()) schema_ = part.body.schema();
  }
  const std::string name = NameOf(header);
  if (header.part_number() != parts_ + 1 || (parts_ > 0 && (header.earlier_parts_hash() != chain_ || name != unit_))) {
    Clear();
    return false;
  }
  RETURN_IF_ERROR(CheckRowLength(part.body, schema));
  ++parts_;
  chain_ = part.body_hash_chain;
  unit_ = name;
  if (on_disk_) {
    RETURN_IF_ERROR(KeepOnDisk(part.body));
    return true;
  }
  in_memory_.push_back(part.body);
  memory_bytes_ += part.body.ByteSizeLong();
  if (memory_bytes_ > limits::kMaxUnitInMemoryBytes) RETURN_IF_ERROR(Spill());
  return true;
}

absl::Status UnitSpool::CheckRowLength(const v1::UnitBody& body, const v1::DatasetSchema& schema) const {
  if (!body.has_piece()) return absl::OkStatus();
  const v1::DatasetSchema& its = schema_ ? schema_->schema() : schema;
  const uint32_t table = body.piece().row().table();
  const bool known = table < static_cast<uint32_t>(its.tables_size());
  return wire::CheckLength(body.piece(), known ? its.tables(static_cast<int>(table)).name() : "", max_row_bytes_);
}

absl::Status UnitSpool::Spill() {
  RETURN_IF_ERROR(database_.Execute("CREATE TEMP TABLE IF NOT EXISTS unit_spool(part INTEGER PRIMARY KEY, body BLOB)"));
  on_disk_ = true;
  for (const v1::UnitBody& body : in_memory_) RETURN_IF_ERROR(KeepOnDisk(body));
  in_memory_.clear();
  memory_bytes_ = 0;
  return absl::OkStatus();
}

absl::Status UnitSpool::KeepOnDisk(const v1::UnitBody& body) {
  ASSIGN_OR_RETURN(sqlite::Statement insert, database_.Prepare("INSERT INTO temp.unit_spool(body) VALUES(?)"));
  return insert.BindBlob(1, body.SerializeAsString()).Run();
}

absl::Status UnitSpool::ForEach(const Function& function) {
  if (!on_disk_) {
    for (const v1::UnitBody& body : in_memory_) RETURN_IF_ERROR(function(body));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(sqlite::Statement select, database_.Prepare("SELECT body FROM temp.unit_spool ORDER BY part"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return absl::OkStatus();
    v1::UnitBody body;
    const std::string_view bytes = select.BytesView(0);
    REPLICAST_CHECK(body.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    RETURN_IF_ERROR(function(body));
  }
}

void UnitSpool::Clear() {
  in_memory_.clear();
  memory_bytes_ = 0;
  if (on_disk_) database_.Execute("DELETE FROM temp.unit_spool").IgnoreError();
  on_disk_ = false;
  parts_ = 0;
  schema_.reset();
  chain_.clear();
  unit_.clear();
}

}  // namespace replicast
