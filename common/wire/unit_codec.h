#ifndef REPLICAST_COMMON_WIRE_UNIT_CODEC_H_
#define REPLICAST_COMMON_WIRE_UNIT_CODEC_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/lsn.h"
#include "common/base/value.h"
#include "common/wire/columns.h"
#include "common/wire/signer.h"
#include "replicast/v1/units.pb.h"

namespace replicast::wire {

// A serialized v1.SignedUnitPart, as it is stored, sent and forwarded.
using EncodedPart = std::string;

// Net change → signed parts. Changes come table by table or mixed; a part is closed when it passes
// limits::kUnitPartBytes and given to `sink` at once, so a unit of any size needs memory for one part. Not thread safe.
class UnitWriter {
 public:
  using Sink = std::function<absl::Status(uint32_t part_number, EncodedPart part)>;
  // `header`: every field but part_number, final_part, earlier_parts_hash, digests. Table t has key_counts[t] key
  // columns and column_counts[t] published ones.
  UnitWriter(v1::UnitHeader header, std::vector<size_t> key_counts, std::vector<size_t> column_counts,
             const Signer& signer, Sink sink);
  // The unit changes the schema, too: before anything is added. The counts are those of the new schema's tables.
  void SetSchema(v1::SchemaChange schema) { schema_ = std::move(schema); }
  // A long row goes out at once, in pieces.
  absl::Status Upsert(uint32_t table, const Row& row);
  // A key has at most limits::kMaxKeyBytes.
  absl::Status Delete(uint32_t table, const Row& key);
  // Writes the final part.
  absl::Status Finish(const std::vector<v1::TableDigest>& digests);
  uint64_t rows() const { return rows_; }
  uint32_t parts() const { return part_number_; }

 private:
  struct TableBuffer {
    ColumnsWriter deleted, rows;
  };
  absl::Status Add(ColumnsWriter* where, const Row& row);
  absl::Status AddLong(uint32_t table, const Row& row);
  absl::Status Flush(bool final_part, const std::vector<v1::TableDigest>& digests);
  absl::Status WritePart(bool final_part, const std::vector<v1::TableDigest>& digests, const v1::UnitBody& body);
  v1::UnitHeader header_;
  const Signer& signer_;
  Sink sink_;
  std::vector<TableBuffer> tables_;
  std::optional<v1::SchemaChange> schema_;  // until the first part took it
  size_t bytes_ = 0;
  uint64_t rows_ = 0;
  uint32_t part_number_ = 0;
  std::string chain_;
};

// One part, checked: the signature was verified before anything was decompressed.
struct UnitPart {
  v1::UnitHeader header;
  v1::UnitBody body;
  EncodedPart encoded;          // as it came
  std::string body_hash_chain;  // what the next part's earlier_parts_hash must be
};

// Verifies, then parses. PERMISSION_DENIED (reason SIGNATURE_INVALID) or INVALID_ARGUMENT (reason UNIT_MALFORMED).
// Checks sizes against limits.h, id lengths, the kind, and that numbers are in range; not the chain between parts.
absl::StatusOr<UnitPart> OpenUnitPart(EncodedPart encoded, const Verifier& verifier);
// Only the header, without verifying; for our own store.
absl::StatusOr<v1::UnitHeader> PeekUnitHeader(std::string_view encoded);

// zstd, with the output capped; INVALID_ARGUMENT when it is malformed or longer.
std::string Compress(std::string_view plain);
absl::StatusOr<std::string> Decompress(std::string_view packed, size_t most);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_UNIT_CODEC_H_
