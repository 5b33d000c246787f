#include "sagitta/types/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <span>

#include "calendar.h"
#include "integers.h"

namespace sagitta::types {
namespace {

constexpr uint64_t kUs = 1000, kMs = 1000 * kUs, kSecond = 1000 * kMs, kMinute = 60 * kSecond, kHour = 60 * kMinute;

constexpr int64_t kDayMs = 86'400'000;

enum class Part { kMonths, kDays, kNs };

struct Unit {
  std::string_view name;
  Part part;
  uint64_t factor;
};

// Largest first; a text names each at most once and in this order.
constexpr std::array kUnits{Unit{"y", Part::kMonths, 12},  Unit{"mo", Part::kMonths, 1}, Unit{"w", Part::kDays, 7},
                            Unit{"d", Part::kDays, 1},     Unit{"h", Part::kNs, kHour},  Unit{"m", Part::kNs, kMinute},
                            Unit{"s", Part::kNs, kSecond}, Unit{"ms", Part::kNs, kMs},   Unit{"us", Part::kNs, kUs},
                            Unit{"ns", Part::kNs, 1}};
constexpr std::array kIsoDate{Unit{"y", Part::kMonths, 12}, Unit{"m", Part::kMonths, 1}, Unit{"w", Part::kDays, 7},
                              Unit{"d", Part::kDays, 1}};
constexpr std::array kIsoTime{Unit{"h", Part::kNs, kHour}, Unit{"m", Part::kNs, kMinute},
                              Unit{"s", Part::kNs, kSecond}};
constexpr std::string_view kIsoAlternative = "dddd-dd-ddtdd:dd:dd";

/// The unsigned sums of the parts, with every overflow noticed.
class Sums {
 public:
  bool add(const Unit& unit, uint64_t count) {
    uint64_t& sum = unit.part == Part::kMonths ? months_ : unit.part == Part::kDays ? days_ : ns_;
    uint64_t product = 0;
    return !__builtin_mul_overflow(count, unit.factor, &product) && !__builtin_add_overflow(sum, product, &sum);
  }
  std::optional<Duration> signed_by(bool negative) const {
    const auto months = fit<int32_t>(months_, negative), days = fit<int32_t>(days_, negative);
    const auto ns = fit<int64_t>(ns_, negative);
    if (!months || !days || !ns) return {};
    return Duration{*months, *days, *ns};
  }

 private:
  template <class T>
  static std::optional<T> fit(uint64_t magnitude, bool negative) {
    const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<T>::max()) + (negative ? 1 : 0);
    if (magnitude > limit) return {};
    return static_cast<T>(negative ? 0 - magnitude : magnitude);
  }
  uint64_t months_ = 0, days_ = 0, ns_ = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc()) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return v;
}

/// (number unit)+, units of `units` in order; the whole of `text`.
bool add_units(std::string_view text, std::span<const Unit> units, Sums& sums) {
  size_t next = 0;
  while (!text.empty()) {
    const auto count = take_number(text);
    if (!count) return false;
    size_t length = 0;
    while (length < text.size() && !is_digit(text[length])) ++length;
    while (next < units.size() && units[next].name != text.substr(0, length)) ++next;
    if (next == units.size() || !sums.add(units[next], *count)) return false;
    text.remove_prefix(length);
    ++next;
  }
  return true;
}

bool add_iso(std::string_view text, Sums& sums) {
  const size_t t = text.find('t');
  if (text.empty() || t == text.size() - 1) return false;
  // Weeks stand alone.
  if (text.find('w') != text.npos && text.find_first_not_of("0123456789") != text.size() - 1) return false;
  if (!add_units(text.substr(0, t), kIsoDate, sums)) return false;
  return t == text.npos || add_units(text.substr(t + 1), kIsoTime, sums);
}

bool is_alternative(std::string_view text) {
  if (text.size() != kIsoAlternative.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (kIsoAlternative[i] == 'd' ? !is_digit(text[i]) : text[i] != kIsoAlternative[i]) return false;
  }
  return true;
}

void add_alternative(std::string_view text, Sums& sums) {
  constexpr std::array kFields{kUnits[0], kUnits[1], kUnits[3], kUnits[4], kUnits[5], kUnits[6]};
  for (const Unit& unit : kFields) {
    if (const auto count = take_number(text)) sums.add(unit, *count);
    if (!text.empty()) text.remove_prefix(1);
  }
}

}  // namespace

std::optional<int64_t> add_to_ms(int64_t ms, const Duration& duration, int64_t sign) {
  const int64_t before = floor_div(ms, kDayMs);
  const int64_t days = add_months(before, sign * duration.months) + sign * duration.days;
  const int64_t time = ms - before * kDayMs + sign * (duration.ns / static_cast<int64_t>(kMs));
  int64_t sum = 0;
  if (__builtin_mul_overflow(days, kDayMs, &sum) || __builtin_add_overflow(sum, time, &sum)) return {};
  return sum;
}

std::optional<int64_t> floor_ms(int64_t ms, const Duration& duration, int64_t start) {
  const int64_t step = duration.days * kDayMs + duration.ns / static_cast<int64_t>(kMs);
  if (duration.months == 0) return ms - (ms - start) % step;
  const auto nth = [&](int64_t n) {
    const int64_t day = floor_div(start, kDayMs);
    return add_months(day, n * duration.months) * kDayMs + (start - day * kDayMs) + n * step;
  };
  // The shortest step that is possible bounds how many there are.
  int64_t least = 0, beyond = (ms - start) / (28 * kDayMs * duration.months + step) + 2;
  while (beyond - least > 1) {
    const int64_t middle = least + (beyond - least) / 2;
    (nth(middle) <= ms ? least : beyond) = middle;
  }
  return nth(least);
}

std::optional<Duration> decode_duration(BytesView bytes) {
  ByteReader in(bytes);
  const auto months = take_signed_vint(in), days = take_signed_vint(in), ns = take_signed_vint(in);
  if (!months || !days || !ns || !in.empty()) return {};
  if (*months != static_cast<int32_t>(*months) || *days != static_cast<int32_t>(*days)) return {};
  const bool any_negative = *months < 0 || *days < 0 || *ns < 0;
  const bool any_positive = *months > 0 || *days > 0 || *ns > 0;
  if (any_negative && any_positive) return {};
  return Duration{static_cast<int32_t>(*months), static_cast<int32_t>(*days), *ns};
}

Bytes encode_duration(const Duration& duration) {
  Bytes bytes;
  put_signed_vint(bytes, duration.months);
  put_signed_vint(bytes, duration.days);
  put_signed_vint(bytes, duration.ns);
  return bytes;
}

std::optional<Duration> duration_from_text(std::string_view original) {
  std::string lower(original);
  for (size_t at; (at = lower.find("\xc2\xb5s")) != lower.npos;) lower.replace(at, 2, "u");
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::string_view text = lower;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return {};
  Sums sums;
  if (!text.starts_with('p')) {
    if (!add_units(text, kUnits, sums)) return {};
  } else if (is_alternative(text.substr(1))) {
    add_alternative(text.substr(1), sums);
  } else if (!add_iso(text.substr(1), sums)) {
    return {};
  }
  return sums.signed_by(negative);
}

std::string duration_to_text(const Duration& duration) {
  const auto magnitude = [](int64_t v) { return v < 0 ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v); };
  std::array left{magnitude(duration.months), magnitude(duration.days), magnitude(duration.ns)};
  std::string text;
  for (const Unit& unit : kUnits) {
    uint64_t& rest = left[static_cast<size_t>(unit.part)];
    if (unit.name == "w" || rest < unit.factor) continue;
    text += fmt::format("{}{}", rest / unit.factor, unit.name);
    rest %= unit.factor;
  }
  if (text.empty()) return "0ns";
  return duration.is_negative() ? "-" + text : text;
}

}  // namespace sagitta::types
