/// Records of a segment on disk.
#pragma once

#include <vector>

#include "sagitta/base/file.h"
#include "sagitta/base/result.h"

#include "segment.h"

namespace sagitta::log {

/// The records [from, end) of the segment, which has `from`, up to about `max_bytes` but at least
/// one. kCorruption naming file and position, kFormat when the first one is of an unknown kind.
Result<std::vector<Entry>> read_segment(FileSystem& files, const Segment& segment, Offset from, Offset end,
                                        size_t max_bytes);

}  // namespace sagitta::log
