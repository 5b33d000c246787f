/// The records of some partitions as they come, for one who applies them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/log/record.h"

namespace sagitta::log {

/// Of one thread. A log hands feeds out (`Log::feed`) and must outlive them.
class Feed {
 public:
  virtual ~Feed() = default;
  /// From now on `read` gives the partition's records from `from` on; a partition that is followed
  /// already goes on from there. An error of a log elsewhere.
  virtual Status follow(Partition partition, Offset from) = 0;
  /// Gives no more of them. Nothing happens when it is not followed.
  virtual void leave(Partition partition) = 0;
  /// The next durable records of ONE partition, in order, up to about `max_bytes` but at least one.
  /// The partitions take turns: none is read twice while another has records. Blocks up to
  /// `wait_us` while none of them has any, then returns an empty list; wakes at once for a record.
  ///
  /// kUnavailable when the log is stopped and all is read. Other errors are of one partition, which
  /// `failed` tells: kCorruption when a record in the middle is damaged, kNotFound when the next
  /// one was trimmed. It stays followed, and fails again in its turn, until it is left; the others
  /// go on.
  virtual Result<std::vector<Entry>> read(size_t max_bytes, int64_t wait_us) = 0;
  /// The partition that the last `read` failed for; nothing when it did not fail, or failed for
  /// all.
  virtual std::optional<Partition> failed() const = 0;
};

}  // namespace sagitta::log
