#include "segment.h"

#include "sagitta/base/assert.h"
#include "sagitta/base/checksum.h"
#include "sagitta/wire/frame.h"

namespace sagitta::wire {
namespace {

constexpr unsigned kLengthBits = 17;
constexpr uint64_t kLengthMask = (uint64_t{1} << kLengthBits) - 1;
constexpr unsigned kCrcBytes = 3;

void put_little(Bytes& out, uint64_t v, unsigned count) {
  for (unsigned i = 0; i < count; ++i) out.push_back(static_cast<char>(v >> (8 * i)));
}

uint64_t get_little(BytesView bytes, unsigned count) {
  SAGITTA_ASSERT(count <= bytes.size() && count <= sizeof(uint64_t));
  uint64_t v = 0;
  for (unsigned i = 0; i < count; ++i) v |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return v;
}

}  // namespace

uint32_t segment_crc24(uint64_t header, unsigned count) {
  uint32_t crc = 0x875060;
  for (unsigned i = 0; i < count; ++i, header >>= 8) {
    crc ^= static_cast<uint32_t>(header & 0xff) << 16;
    for (int bit = 0; bit < 8; ++bit) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1974F0B;
    }
  }
  return crc;
}

uint32_t segment_crc32(BytesView payload) { return crc32(payload, crc32("\xFA\x2D\x55\xCA")); }

void append_segment_header(const SegmentHeader& header, bool compressed, Bytes& out) {
  SAGITTA_ASSERT(header.payload_bytes <= kLengthMask && header.plain_bytes <= kLengthMask);
  uint64_t bits = header.payload_bytes;
  unsigned flag_at = kLengthBits;
  if (compressed) {
    bits |= uint64_t{header.plain_bytes} << kLengthBits;
    flag_at += kLengthBits;
  }
  bits |= uint64_t{header.self_contained} << flag_at;
  unsigned count = static_cast<unsigned>(segment_header_bytes(compressed)) - kCrcBytes;
  put_little(out, bits, count);
  put_little(out, segment_crc24(bits, count), kCrcBytes);
}

std::optional<SegmentHeader> read_segment_header(BytesView bytes, bool compressed) {
  unsigned count = static_cast<unsigned>(segment_header_bytes(compressed)) - kCrcBytes;
  uint64_t bits = get_little(bytes, count);
  if (get_little(bytes.substr(count), kCrcBytes) != segment_crc24(bits, count)) return std::nullopt;
  SegmentHeader header;
  header.payload_bytes = bits & kLengthMask;
  bits >>= kLengthBits;
  if (compressed) {
    header.plain_bytes = bits & kLengthMask;
    bits >>= kLengthBits;
  }
  header.self_contained = (bits & 1) != 0;
  return header;
}

void append_segment_trailer(BytesView payload, Bytes& out) {
  put_little(out, segment_crc32(payload), kSegmentTrailerBytes);
}

bool segment_trailer_matches(BytesView payload, BytesView trailer) {
  return get_little(trailer, kSegmentTrailerBytes) == segment_crc32(payload);
}

}  // namespace sagitta::wire
