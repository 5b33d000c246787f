/// The log of requests that took long.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "sagitta/base/clock.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/result.h"

namespace sagitta::db {

struct Request;

/// Thread-safe. Literals of statements are in its lines, bound values are not.
class SlowQueries {
 public:
  /// Lines in a second; how many more there would have been says the next line.
  static constexpr uint64_t kLinesMax = 20;
  static constexpr size_t kTextBytesMax = 1000;

  /// `threshold_us`: 0 for none. All must outlive it.
  SlowQueries(int64_t threshold_us, const Clock& clock, MetricsRegistry& metrics);
  /// A request is about to be answered; `error` is null where it did what it was to do.
  void note(const Request& request, const Error* error);

 private:
  void write(const Request& request, int64_t took_us, const Error* error);
  /// How many were passed over since the last line; nothing when this one is passed over too.
  std::optional<uint64_t> take_turn(int64_t now_us);

  const int64_t threshold_us_;
  const Clock& clock_;
  Counter& slow_;
  std::mutex mutex_;
  int64_t second_ = -1;
  uint64_t lines_ = 0, passed_over_ = 0;
};

}  // namespace sagitta::db
