/// Lines about slow requests, not too many of them.
#include "slow_queries.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "sagitta/base/logging.h"

#include "request.h"

namespace sagitta::db {

SlowQueries::SlowQueries(int64_t threshold_us, const Clock& clock, MetricsRegistry& metrics)
    : threshold_us_(threshold_us),
      clock_(clock),
      slow_(metrics.counter("sagitta_slow_requests_total", "Requests that took longer than --slow-query-ms")) {}

void SlowQueries::note(const Request& request, const Error* error) {
  if (threshold_us_ == 0) return;
  const int64_t took_us = clock_.steady_us() - request.begun_us;
  if (took_us <= threshold_us_) return;
  slow_.add();
  write(request, took_us, error);
}

void SlowQueries::write(const Request& request, int64_t took_us, const Error* error) {
  const auto passed_over = take_turn(clock_.steady_us());
  if (!passed_over) return;
  log_warn("slow query", {{"ms", took_us / 1000},
                          {"query", request.asked.describe(kTextBytesMax)},
                          {"keyspace", request.options.keyspace},
                          {"client", request.options.client ? request.options.client->endpoint() : ""},
                          {"outcome", error ? to_string(error->code()) : "done"},
                          {"passed_over", *passed_over}});
}

std::optional<uint64_t> SlowQueries::take_turn(int64_t now_us) {
  std::lock_guard lock(mutex_);
  const int64_t second = now_us / 1'000'000;
  if (std::exchange(second_, second) != second) lines_ = 0;
  if (lines_ == kLinesMax) {
    ++passed_over_;
    return std::nullopt;
  }
  ++lines_;
  return std::exchange(passed_over_, 0);
}

}  // namespace sagitta::db
