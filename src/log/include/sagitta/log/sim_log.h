/// A log in memory, with faults drawn from a seed: the log of tests. What a broker can do to a
/// writer happens here on purpose: slow appends, refused ones, ones whose outcome the writer never
/// learns, and late duplicates.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/log/log.h"

namespace sagitta::log {

/// Each fault hits one append in that many; 0 = never.
struct SimFaults {
  /// Not appended; done gets kIo. Unlike a LocalLog's failure, it concerns this append alone.
  uint32_t fail_one_in = 0;
  /// Appended, but done gets kWriteTimeout.
  uint32_t lose_answer_one_in = 0;
  /// Appended, and once more after up to eight later records.
  uint32_t duplicate_one_in = 0;
  /// Up to eight offsets before the record are left out, as a broker does for marks of its own.
  uint32_t skip_one_in = 0;
  /// Each append takes a random time up to this; not when it is stepped.
  int64_t delay_us_max = 0;
};

struct SimOptions {
  uint64_t seed = 1;
  /// Of each partition, in their order: the log has as many.
  std::vector<SimFaults> faults = std::vector<SimFaults>(1);
  /// No threads: `settle` does their work.
  bool is_stepped = false;
};

/// Nothing survives the object; to restart a replica, keep the log. Without faults it is an honest
/// log. Offsets and faults of a partition depend on the seed, its number and the order of its own
/// appends only. Thread-safe.
class SimLog : public Log {
 public:
  /// Of a stepped log: makes the oldest append that waits in the partition durable, or not, and
  /// calls its `done`. False when none waits. `stop` settles all that wait.
  virtual bool settle(Partition partition) = 0;
  /// Of a stepped log: the appends that wait in the partition never get there, and their `done` is
  /// not called: their writer has died.
  virtual void lose(Partition partition) = 0;
};

/// `clock` must outlive it.
std::unique_ptr<SimLog> make_sim_log(const Clock& clock, const SimOptions& options = {});

}  // namespace sagitta::log
