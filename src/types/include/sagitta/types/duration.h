/// The CQL duration: months, days and nanoseconds, all of one sign.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sagitta/base/bytes.h"

namespace sagitta::types {

struct Duration {
  int32_t months = 0, days = 0;
  int64_t ns = 0;

  bool is_negative() const { return months < 0 || days < 0 || ns < 0; }
};

/// `sign` is 1 or -1. Months first, which end with the month where the day is none of it, then
/// days, then time. Nothing when the sum is out of range.
std::optional<int64_t> add_to_ms(int64_t ms, const Duration& duration, int64_t sign);
/// The last of `start`, `start` + `duration`, `start` + 2 × `duration`, ... that is not after `ms`;
/// `start` is not after it, and less than 2^62 ms before it. `duration` is not negative, and a
/// millisecond at least.
std::optional<int64_t> floor_ms(int64_t ms, const Duration& duration, int64_t start);

/// Three signed vints. Nothing when the bytes are not that, or the signs differ.
std::optional<Duration> decode_duration(BytesView bytes);
Bytes encode_duration(const Duration& duration);

/// "1y2mo3w4d5h6m7s8ms9us10ns", "P1Y2M3DT4H5M6S", "P3W", "P0001-02-03T04:05:06"; each with "-"
/// before it for a negative one.
std::optional<Duration> duration_from_text(std::string_view text);
/// In the first form; "0ns" for none.
std::string duration_to_text(const Duration& duration);

}  // namespace sagitta::types
