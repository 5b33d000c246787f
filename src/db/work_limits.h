/// What a request may do on the thread that brought it, before it goes on on a worker. Texts and
/// counts are known beforehand; the rest is counted while it is done (base/work_meter.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sagitta/base/metrics.h"
#include "sagitta/base/work_meter.h"

namespace sagitta::db {

/// Statements of a batch.
inline constexpr size_t kCallerBatchItems = 64;

/// The most work that was done in one go. Thread-safe.
class WorkPeak {
 public:
  explicit WorkPeak(Gauge& gauge) : gauge_(gauge) {}

  void note(uint64_t units) {
    uint64_t most = most_.load(std::memory_order_relaxed);
    while (units > most) {
      if (!most_.compare_exchange_weak(most, units, std::memory_order_relaxed)) continue;
      gauge_.set(static_cast<double>(units));
      return;
    }
  }

 private:
  Gauge& gauge_;
  std::atomic<uint64_t> most_{0};
};

}  // namespace sagitta::db
