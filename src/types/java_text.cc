#include "java_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace sagitta::types {
namespace {

/// Of the shortest digits d1d2... and the exponent in d1.d2... × 10^exponent.
std::string layout(std::string digits, int exponent) {
  constexpr int kPlainLeast = -3, kPlainMost = 6;
  if (exponent < kPlainLeast || exponent > kPlainMost) {
    if (digits.size() == 1) digits += '0';
    return fmt::format("{}.{}E{}", digits[0], digits.substr(1), exponent);
  }
  if (exponent < 0) return fmt::format("0.{}{}", std::string(static_cast<size_t>(-exponent - 1), '0'), digits);
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return fmt::format("{:0<{}}.0", digits, whole);
  return fmt::format("{}.{}", digits.substr(0, whole), digits.substr(whole));
}

template <class T>
std::string real(T v) {
  if (std::isnan(v)) return "NaN";
  const std::string sign = std::signbit(v) ? "-" : "";
  if (std::isinf(v)) return sign + "Infinity";
  if (v == 0) return sign + "0.0";
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.begin(), buffer.end(), std::fabs(v), std::chars_format::scientific).ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, e));
  std::erase(digits, '.');
  return sign + layout(std::move(digits), std::atoi(std::string(text.substr(e + 1)).c_str()));
}

}  // namespace

std::string java_real(float v) { return real(v); }
std::string java_real(double v) { return real(v); }

std::string java_inet(BytesView bytes) {
  if (bytes.size() == 4) {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, bytes.data(), text.data(), text.size());
    return text.data();
  }
  std::array<uint16_t, 8> groups{};
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = get_big<uint16_t>(bytes.data() + 2 * i);
  return fmt::format("{:x}", fmt::join(groups, ":"));
}

}  // namespace sagitta::types
