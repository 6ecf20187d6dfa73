#include <zstd.h>

#include <memory>

#include "common/base/errors.h"
#include "common/wire/unit_codec.h"

namespace replicast::wire {
namespace {

// Measured on rows of a package catalogue: higher levels cost more time than they save in frames.
constexpr int kLevel = 1;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

absl::Status Malformed(const char* why) {
  return Error(absl::StatusCode::kInvalidArgument, "COMPRESSION_MALFORMED", why);
}

}  // namespace

std::string Compress(std::string_view plain) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const size_t size =
      ZSTD_compressCCtx(context.get(), packed.data(), packed.size(), plain.data(), plain.size(), kLevel);
  REPLICAST_CHECK(!ZSTD_isError(size));
  packed.resize(size);
  packed.shrink_to_fit();
  return packed;
}

absl::StatusOr<std::string> Decompress(std::string_view packed, size_t most) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  // The size is told by the sender: it may choose at most `most`, and a frame that does not tell it is refused.
  const unsigned long long told = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (told == ZSTD_CONTENTSIZE_ERROR || told == ZSTD_CONTENTSIZE_UNKNOWN)
    return Malformed("compressed bytes are malformed");
  if (told > most) return Malformed("compressed bytes would be too long");
  std::string plain(static_cast<size_t>(told), '\0');
  const size_t size = ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) || size != plain.size()) return Malformed("compressed bytes are malformed");
  return plain;
}

}  // namespace replicast::wire
