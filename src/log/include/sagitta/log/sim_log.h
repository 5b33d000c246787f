/// A log in memory, with faults drawn from a seed: the log of tests. What a broker can do to a
/// writer happens here on purpose: slow appends, refused ones, ones whose outcome the writer never
/// learns, and late duplicates.
#pragma once

#include <cstdint>
#include <memory>

#include "sagitta/base/clock.h"
#include "sagitta/log/log.h"

namespace sagitta::log {

/// Each fault hits one append in that many; 0 = never.
struct SimFaults {
  uint64_t seed = 1;
  /// Not appended; done gets kIo. Unlike a LocalLog's failure, it concerns this append alone.
  uint32_t fail_one_in = 0;
  /// Appended, but done gets kWriteTimeout.
  uint32_t lose_answer_one_in = 0;
  /// Appended, and once more after up to eight later records.
  uint32_t duplicate_one_in = 0;
  /// Up to eight offsets before the record are left out, as a broker does for marks of its own.
  uint32_t skip_one_in = 0;
  /// Each append takes a random time up to this.
  int64_t delay_us_max = 0;
};

/// Nothing survives the object; to restart a replica, keep the log. Without faults it is an honest
/// log. The faults depend on the seed and the order of the appends only. It has one partition.
/// `clock` must outlive it. Thread-safe.
std::unique_ptr<Log> make_sim_log(const Clock& clock, const SimFaults& faults = {});

}  // namespace sagitta::log
