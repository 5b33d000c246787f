/// The frame of a record in a segment (docs/formats/log.md), as recovery and readers need it:
/// without looking at the payload.
#pragma once

#include <optional>

#include "sagitta/log/record.h"

namespace sagitta::log {

inline constexpr uint8_t kFormatVersion = 1;
/// Magic, version, length, checksum: the same in every version of the format.
inline constexpr size_t kFrameHeaderBytes = 12;
/// What stands before the payload in a body of version 1.
inline constexpr size_t kFixedBodyBytes = 1 + 8 + 4 + 8 + 16 + 8 + 8;
/// The kind of a mark: no record, it takes no offset and says that all before it was synced.
inline constexpr uint8_t kMarkKind = 0;

struct Frame {
  uint8_t version = 0;
  uint8_t kind = 0;
  Offset offset = 0;
  /// The offset of the first record that was written together with this one.
  Offset group_first = 0;
  /// Header and body.
  size_t bytes = 0;
};

/// How many bytes the frame at the start of `bytes` claims to have; nothing if they do not begin
/// like a frame.
std::optional<size_t> frame_bytes(BytesView bytes);
/// The frame at the start of `bytes`, if it is whole and its checksum holds. Only version and bytes
/// are set for a newer version.
std::optional<Frame> parse_frame(BytesView bytes);
void encode_mark(Offset next, int64_t log_time_us, Bytes& out);

}  // namespace sagitta::log
