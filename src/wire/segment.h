/// The headers of v5 segments: lengths and a flag in little-endian bit fields, then a CRC24 of
/// them.
#pragma once

#include <cstddef>
#include <optional>

#include "sagitta/base/bytes.h"

namespace sagitta::wire {

struct SegmentHeader {
  size_t payload_bytes = 0;  ///< as stored
  size_t plain_bytes = 0;    ///< after decompression; 0 when the payload is stored plain
  bool self_contained = true;
};

inline constexpr size_t kSegmentTrailerBytes = 4;
/// Bytes of a header with its CRC24, on a connection that compresses or not.
constexpr size_t segment_header_bytes(bool compressed) { return compressed ? 8 : 6; }

void append_segment_header(const SegmentHeader& header, bool compressed, Bytes& out);
/// Reads the header at the start of `bytes`, which has segment_header_bytes; nothing when the CRC24
/// does not match.
std::optional<SegmentHeader> read_segment_header(BytesView bytes, bool compressed);

/// The CRC32 after a payload.
void append_segment_trailer(BytesView payload, Bytes& out);
bool segment_trailer_matches(BytesView payload, BytesView trailer);

}  // namespace sagitta::wire
