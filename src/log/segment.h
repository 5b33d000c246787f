/// Segment files: their names, and what recovery finds in one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/file.h"
#include "sagitta/log/record.h"

namespace sagitta::log {

/// Where a record begins in its segment.
struct Place {
  Offset offset;
  uint64_t position;
};

/// One file: the records [base, the base of the next segment).
struct Segment {
  std::string path;
  Offset base = 0;
  /// Bytes that are durable and whole.
  uint64_t bytes = 0;
  /// A place every few records, ascending; empty means to begin at the start.
  std::vector<Place> index;

  /// Notes that a record begins at `position`; keeps only as many places as are useful.
  void note(Offset offset, uint64_t position);
  /// The last noted place at or before `offset`.
  Place nearest(Offset offset) const;
};

/// "00000000000000000000.log" for 0.
std::string segment_name(Offset base);
std::optional<Offset> parse_segment_name(const std::string& name);

struct Scan {
  Segment segment;
  /// The offset after the last record.
  Offset next = 0;
  /// Bytes of a torn tail after `segment.bytes`, up to the last one that is not zero.
  uint64_t torn_bytes = 0;
  /// Zeros at the end of the file, after those.
  uint64_t reserved_bytes = 0;
};

/// Checks every record of the file. Only the last segment may have reserved room or a torn tail;
/// any other damage is kCorruption naming file and position, a record of a newer version kFormat.
Result<Scan> scan_segment(FileSystem& files, const std::string& path, Offset base, bool is_last);

}  // namespace sagitta::log
