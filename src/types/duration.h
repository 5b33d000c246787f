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
};

/// Three signed vints. Nothing when the bytes are not that, or the signs differ.
std::optional<Duration> decode_duration(BytesView bytes);
Bytes encode_duration(const Duration& duration);

/// "1y2mo3w4d5h6m7s8ms9us10ns", "P1Y2M3DT4H5M6S", "P3W", "P0001-02-03T04:05:06"; each with "-"
/// before it for a negative one.
std::optional<Duration> duration_from_text(std::string_view text);
/// In the first form; "0ns" for none.
std::string duration_to_text(const Duration& duration);

}  // namespace sagitta::types
