/// Text forms of dates, times and timestamps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sagitta::types {

/// "2024-01-02" to days since the epoch; also years beyond four digits and before year 0.
std::optional<int64_t> days_from_text(std::string_view text);
std::string days_to_text(int64_t days);

/// The day so many months later, or the last of that month when it has no such day.
int64_t add_months(int64_t days, int64_t months);

constexpr int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// "03:04:05.123456789" (fraction optional) to nanoseconds of the day.
std::optional<int64_t> time_from_text(std::string_view text);
/// Always with nine digits of fraction.
std::string time_to_text(int64_t ns);

/// "2024-01-02", "2024-01-02 03:04", "2024-01-02T03:04:05.123+0100", "…Z": milliseconds since the
/// epoch; without a zone, UTC.
std::optional<int64_t> timestamp_from_text(std::string_view text);
/// "2024-01-02 03:04:05.123Z"; the plain number outside the years 0 to 9999, which no date text
/// reaches.
std::string timestamp_to_text(int64_t ms);

}  // namespace sagitta::types
