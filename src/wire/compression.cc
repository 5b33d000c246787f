#include "compression.h"

#include <fmt/format.h>
#include <lz4.h>
#include <snappy.h>

namespace sagitta::wire {
namespace {

// No LZ4 block can expand further than this, so that a short body cannot claim a long plain text.
constexpr size_t kLz4ExpansionMax = 255;
// A snappy copy of 3 bytes yields at most 64.
constexpr size_t kSnappyExpansionMax = 64;

std::unexpected<Error> damaged(std::string_view algorithm, size_t stored) {
  return fail(ErrorCode::kProtocol, fmt::format("Cannot decompress {} bytes of {}", stored, algorithm));
}

}  // namespace

Status lz4_append(BytesView stored, size_t plain_bytes, Bytes& out) {
  if (plain_bytes > (stored.size() + 1) * kLz4ExpansionMax) return damaged("lz4", stored.size());
  const size_t before = out.size();
  out.resize(before + plain_bytes);
  const int got = LZ4_decompress_safe(stored.data(), out.data() + before, static_cast<int>(stored.size()),
                                      static_cast<int>(plain_bytes));
  if (got >= 0 && static_cast<size_t>(got) == plain_bytes) return {};
  out.resize(before);
  return damaged("lz4", stored.size());
}

Result<Bytes> lz4_decompress(BytesView stored, size_t plain_bytes) {
  Bytes plain;
  SAGITTA_CHECK(lz4_append(stored, plain_bytes, plain));
  return plain;
}

Result<Bytes> lz4_body_decompress(BytesView stored, size_t max) {
  ByteReader in(stored);
  auto plain_bytes = in.big<uint32_t>();
  if (!plain_bytes || *plain_bytes > max) return damaged("lz4", stored.size());
  if (*plain_bytes == 0) return Bytes();
  return lz4_decompress(in.rest(), *plain_bytes);
}

Result<Bytes> snappy_body_decompress(BytesView stored, size_t max) {
  size_t plain_bytes = 0;
  if (!snappy::GetUncompressedLength(stored.data(), stored.size(), &plain_bytes) || plain_bytes > max ||
      plain_bytes > stored.size() * kSnappyExpansionMax) {
    return damaged("snappy", stored.size());
  }
  Bytes plain(plain_bytes, '\0');
  if (!snappy::RawUncompress(stored.data(), stored.size(), plain.data())) return damaged("snappy", stored.size());
  return plain;
}

Result<size_t> body_plain_bytes(Compression compression, BytesView stored, size_t max) {
  if (compression == Compression::kLz4) {
    const auto plain_bytes = ByteReader(stored).big<uint32_t>();
    if (!plain_bytes || *plain_bytes > max) return damaged("lz4", stored.size());
    return *plain_bytes;
  }
  size_t plain_bytes = 0;
  if (!snappy::GetUncompressedLength(stored.data(), stored.size(), &plain_bytes) || plain_bytes > max) {
    return damaged("snappy", stored.size());
  }
  return plain_bytes;
}

bool lz4_compress(BytesView plain, Bytes& out) {
  if (plain.size() > LZ4_MAX_INPUT_SIZE) return false;
  size_t before = out.size();
  int bound = LZ4_compressBound(static_cast<int>(plain.size()));
  out.resize(before + static_cast<size_t>(bound));
  int got = LZ4_compress_default(plain.data(), out.data() + before, static_cast<int>(plain.size()), bound);
  out.resize(before + static_cast<size_t>(got));
  return got > 0;
}

bool lz4_body_compress(BytesView plain, Bytes& out) {
  if (plain.size() > LZ4_MAX_INPUT_SIZE) return false;
  put_big(out, static_cast<uint32_t>(plain.size()));
  return lz4_compress(plain, out);
}

void snappy_body_compress(BytesView plain, Bytes& out) {
  size_t before = out.size();
  out.resize(before + snappy::MaxCompressedLength(plain.size()));
  size_t got = 0;
  snappy::RawCompress(plain.data(), plain.size(), out.data() + before, &got);
  out.resize(before + got);
}

}  // namespace sagitta::wire
