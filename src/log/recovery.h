/// What a log directory holds when it is opened.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "sagitta/base/file.h"
#include "sagitta/base/result.h"

#include "segment.h"

namespace sagitta::log {

struct Recovered {
  /// At least one, in order.
  std::deque<Segment> segments;
  /// The offset of the next record.
  Offset end = 0;
  /// The last segment, to be appended to.
  std::unique_ptr<AppendFile> active;
  /// A torn tail was cut off.
  bool torn = false;
};

/// Makes the directory if it is missing, checks every segment, and cuts off what stands behind the
/// last record: reserved room, or a torn tail. All that is found is durable. kCorruption naming
/// file and position, kFormat for a newer version.
Result<Recovered> recover(FileSystem& files, const std::string& directory);

}  // namespace sagitta::log
