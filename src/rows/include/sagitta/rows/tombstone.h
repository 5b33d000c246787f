/// A deletion at a time.
#pragma once

#include <cstdint>

#include "sagitta/rows/row.h"

namespace sagitta::rows {

/// Everything written at or before `timestamp_us` is gone. `at_s`: when it was deleted, on the
/// log's clock.
struct Tombstone {
  int64_t timestamp_us = kNoTimestamp;
  int64_t at_s = 0;

  bool covers(int64_t other_us) const { return timestamp_us != kNoTimestamp && other_us <= timestamp_us; }
  bool is_set() const { return timestamp_us != kNoTimestamp; }
  /// The one with the higher timestamp stays.
  void merge(const Tombstone& other) {
    if (other.is_set() && other.timestamp_us > timestamp_us) *this = other;
  }
};

}  // namespace sagitta::rows
