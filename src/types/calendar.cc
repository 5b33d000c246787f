#include "calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace sagitta::types {
namespace {

constexpr int64_t kDayMs = 86'400'000;
/// The Gregorian calendar repeats after so many days, which are 400 years.
constexpr int64_t kCycleDays = 146'097;
constexpr int64_t kSecondNs = 1'000'000'000;
// The years 0 to 9999.
constexpr int64_t kWrittenFirstMs = -62'167'219'200'000, kWrittenLastMs = 253'402'300'799'999;

/// Takes text from the front; every taker leaves the text as it was when it fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }
  bool accept(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool accept(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// A number of min to max digits.
  std::optional<int64_t> digits(size_t min, size_t max) {
    size_t count = 0;
    while (count < rest_.size() && count < max && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    int64_t value = 0;
    if (count < min || std::from_chars(rest_.data(), rest_.data() + count, value).ec != std::errc())
      return std::nullopt;
    rest_.remove_prefix(count);
    return value;
  }
  /// The digits after a point, as nanoseconds.
  std::optional<int64_t> fraction_ns() {
    const size_t before = rest_.size();
    auto value = digits(1, 9);
    if (!value) return std::nullopt;
    for (size_t i = before - rest_.size(); i < 9; ++i) *value *= 10;
    return value;
  }

 private:
  std::string_view rest_;
};

/// A year of more than four digits has a sign.
std::optional<int64_t> scan_days(Scanner& in) {
  using namespace std::chrono;
  const bool negative = in.accept('-');
  const bool has_sign = negative || in.accept('+');
  const auto y = in.digits(4, has_sign ? 7 : 4);
  if (!y || !in.accept('-')) return std::nullopt;
  const auto m = in.digits(2, 2);
  if (!m || !in.accept('-')) return std::nullopt;
  const auto d = in.digits(2, 2);
  // std::chrono's years have 16 bits; the Gregorian calendar repeats every 400 years of 146,097
  // days.
  if (!d) return std::nullopt;
  const int64_t full_year = negative ? -*y : *y;
  int64_t cycles = full_year / 400, rest = full_year % 400;
  const year_month_day date{year(static_cast<int>(rest)), month(static_cast<unsigned>(*m)),
                            day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date).time_since_epoch().count() + cycles * kCycleDays;
}

/// Hours and minutes, and seconds and a fraction if they are there.
std::optional<int64_t> scan_time(Scanner& in, bool seconds_needed) {
  const auto hours = in.digits(1, 2);
  if (!hours || *hours > 23 || !in.accept(':')) return std::nullopt;
  const auto minutes = in.digits(1, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  int64_t ns = (*hours * 60 + *minutes) * 60 * kSecondNs;
  if (!in.accept(':')) return seconds_needed ? std::nullopt : std::optional(ns);
  const auto seconds = in.digits(1, 2);
  if (!seconds || *seconds > 59) return std::nullopt;
  ns += *seconds * kSecondNs;
  if (!in.accept('.')) return ns;
  const auto fraction = in.fraction_ns();
  return fraction ? std::optional(ns + *fraction) : std::nullopt;
}

/// What a zone is ahead of UTC, in minutes.
std::optional<int64_t> scan_zone(Scanner& in) {
  while (in.accept(' ')) {
  }
  if (in.empty() || in.accept('Z') || in.accept("UTC") || in.accept("GMT")) return 0;
  const bool negative = in.accept('-');
  if (!negative && !in.accept('+')) return std::nullopt;
  const auto hours = in.digits(2, 2);
  if (!hours || *hours > 18) return std::nullopt;
  in.accept(':');
  const auto minutes = in.digits(2, 2);
  if (minutes && *minutes > 59) return std::nullopt;
  const int64_t total = *hours * 60 + minutes.value_or(0);
  return negative ? -total : total;
}

}  // namespace

std::optional<int64_t> days_from_text(std::string_view text) {
  Scanner in(text);
  const auto days = scan_days(in);
  return days && in.empty() ? days : std::nullopt;
}

std::string days_to_text(int64_t days) {
  using namespace std::chrono;
  const int64_t cycles = floor_div(days, kCycleDays);
  const year_month_day date{sys_days(std::chrono::days(static_cast<int>(days - cycles * kCycleDays)))};
  const int64_t full_year = int{date.year()} + cycles * 400;
  return fmt::format("{}{:04}-{:02}-{:02}",
                     full_year < 0      ? "-"
                     : full_year > 9999 ? "+"
                                        : "",
                     full_year < 0 ? -full_year : full_year, unsigned{date.month()}, unsigned{date.day()});
}

int64_t add_months(int64_t days, int64_t months) {
  using namespace std::chrono;
  constexpr int64_t kCycleMonths = 4800;
  const int64_t cycles = floor_div(days, kCycleDays);
  const year_month_day from{sys_days(std::chrono::days(static_cast<int>(days - cycles * kCycleDays)))};
  const int64_t month_number = int{from.year()} * 12 + static_cast<int64_t>(unsigned{from.month()}) - 1 + months;
  const int64_t more_cycles = floor_div(month_number, kCycleMonths);
  const int64_t rest = month_number - more_cycles * kCycleMonths;
  const year_month there{year(static_cast<int>(rest / 12)), month(static_cast<unsigned>(rest % 12 + 1))};
  const day last = (there / std::chrono::last).day();
  return sys_days(there / std::min(from.day(), last)).time_since_epoch().count() + (cycles + more_cycles) * kCycleDays;
}

std::optional<int64_t> time_from_text(std::string_view text) {
  Scanner in(text);
  const auto ns = scan_time(in, true);
  return ns && in.empty() ? ns : std::nullopt;
}

std::string time_to_text(int64_t ns) {
  const int64_t seconds = ns / kSecondNs;
  return fmt::format("{:02}:{:02}:{:02}.{:09}", seconds / 3600, seconds / 60 % 60, seconds % 60, ns % kSecondNs);
}

std::optional<int64_t> timestamp_from_text(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) return std::nullopt;
  Scanner in(text);
  const auto days = scan_days(in);
  if (!days) return std::nullopt;
  int64_t ns = 0;
  const bool has_time = in.accept('T') || in.accept('t') || in.accept(' ');
  if (has_time) {
    const auto time = scan_time(in, false);
    if (!time) return std::nullopt;
    ns = *time;
  }
  const auto zone_minutes = scan_zone(in);
  if (!zone_minutes || !in.empty()) return std::nullopt;
  return *days * kDayMs + ns / 1'000'000 - *zone_minutes * 60'000;
}

std::string timestamp_to_text(int64_t ms) {
  if (ms < kWrittenFirstMs || ms > kWrittenLastMs) return std::to_string(ms);
  const int64_t days = floor_div(ms, kDayMs);
  const std::string time = time_to_text((ms - days * kDayMs) * 1'000'000);
  return days_to_text(days) + " " + time.substr(0, 12) + "Z";
}

}  // namespace sagitta::types
