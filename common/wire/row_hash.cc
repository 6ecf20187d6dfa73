#include "common/wire/row_hash.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::wire {
namespace {

// Most rows are hashed in one piece; of a longer one no more than this is copied.
constexpr size_t kMostCopied = 64u << 10;

// Kept for its room.
std::string& EmptyBuffer() {
  thread_local std::string buffer;
  buffer.clear();
  return buffer;
}

Digest CutToDigest(const crypto::Sha256Digest& hash) {
  return *Digest::FromBytes({reinterpret_cast<const char*>(hash.data()), 16});
}

}  // namespace

Digest HashRow(std::string_view table, const Row& row) {
  RowHasher hasher(table);
  for (const Value& value : row) hasher.Add(value);
  return hasher.Finish();
}

RowHasher::RowHasher(std::string_view table) : bytes_(EmptyBuffer()) {
  AppendBigEndian32(&bytes_, static_cast<uint32_t>(table.size()));
  bytes_.append(table);
}

void RowHasher::Add(const Value& value) {
  if (const auto* text = std::get_if<Text>(&value)) return AddBytes(StorageClass::kText, text->bytes);
  if (const auto* blob = std::get_if<Blob>(&value)) return AddBytes(StorageClass::kBlob, blob->bytes);
  AppendCanonical(value, &bytes_);
}

void RowHasher::AddBytes(StorageClass storage_class, std::string_view bytes) {
  REPLICAST_CHECK(bytes.size() <= UINT32_MAX);
  bytes_.push_back(static_cast<char>(storage_class));
  AppendBigEndian32(&bytes_, static_cast<uint32_t>(bytes.size()));
  if (bytes_.size() + bytes.size() <= kMostCopied) {
    bytes_.append(bytes);
    return;
  }
  hashing_ = true;
  hasher_.Update(bytes_);
  hasher_.Update(bytes);
  bytes_.clear();
}

Digest RowHasher::Finish() {
  if (!hashing_) return CutToDigest(crypto::Sha256(bytes_));
  hasher_.Update(bytes_);
  return CutToDigest(hasher_.Finish());
}

}  // namespace replicast::wire
