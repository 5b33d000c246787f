#include "integers.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <vector>

#include "sagitta/types/value.h"

namespace sagitta::types {
namespace {

constexpr uint32_t kLimb = 1'000'000'000;
constexpr size_t kLimbDigits = 9;
/// 2.41 digits a byte: no text of more digits fits kVarintBytesMax.
constexpr size_t kDigitsMax = kVarintBytesMax * 241 / 100;

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool take_sign(std::string_view& text) {
  if (text.empty() || (text[0] != '-' && text[0] != '+')) return false;
  const bool negative = text[0] == '-';
  text.remove_prefix(1);
  return negative;
}

void negate(Bytes& bytes) {
  unsigned carry = 1;
  for (size_t i = bytes.size(); i-- > 0;) {
    const unsigned v = (~static_cast<unsigned>(static_cast<uint8_t>(bytes[i])) & 0xffU) + carry;
    bytes[i] = static_cast<char>(v);
    carry = v >> 8;
  }
}

/// Two's complement of a sign and a magnitude in decimal digits.
Bytes varint_of_digits(bool negative, std::string_view digits) {
  std::vector<uint32_t> words;  // base 2^32, low first
  for (size_t i = 0; i < digits.size();) {
    const size_t count = i == 0 && digits.size() % kLimbDigits != 0 ? digits.size() % kLimbDigits : kLimbDigits;
    uint64_t carry = 0;
    std::from_chars(digits.data() + i, digits.data() + i + count, carry);
    for (uint32_t& word : words) {
      carry += uint64_t{word} * kLimb;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) words.push_back(static_cast<uint32_t>(carry));
    i += count;
  }
  Bytes bytes(1, '\0');
  for (size_t i = words.size(); i-- > 0;) put_big(bytes, words[i]);
  if (negative) negate(bytes);
  return Bytes(minimal_varint(bytes));
}

/// The decimal digits of the magnitude, without leading zeros: empty for 0.
std::string digits_of_varint(BytesView bytes) {
  Bytes magnitude((4 - (bytes.size() + 1) % 4) % 4 + 1, bytes[0] < 0 ? '\xff' : '\0');
  magnitude += bytes;
  if (bytes[0] < 0) negate(magnitude);
  std::vector<uint32_t> words;  // high first
  for (size_t i = 0; i < magnitude.size(); i += 4) words.push_back(get_big<uint32_t>(magnitude.data() + i));
  std::string reversed;
  for (size_t first = 0; first < words.size();) {
    uint64_t remainder = 0;
    for (size_t i = first; i < words.size(); ++i) {
      remainder = (remainder << 32) | words[i];
      words[i] = static_cast<uint32_t>(remainder / kLimb);
      remainder %= kLimb;
    }
    for (size_t i = 0; i < kLimbDigits; ++i, remainder /= 10) reversed += static_cast<char>('0' + remainder % 10);
    while (first < words.size() && words[first] == 0) ++first;
  }
  while (!reversed.empty() && reversed.back() == '0') reversed.pop_back();
  return {reversed.rbegin(), reversed.rend()};
}

std::optional<int64_t> parse_exponent(std::string_view text) {
  const bool negative = take_sign(text);
  int64_t v = 0;
  if (!all_digits(text) || std::from_chars(text.data(), text.data() + text.size(), v).ec != std::errc()) return {};
  if (v > int64_t{1} << 40) return {};
  return negative ? -v : v;
}

}  // namespace

void put_vint(Bytes& out, uint64_t v) {
  const int bits = static_cast<int>(std::bit_width(v | 1));
  const int extra = std::min((bits - 1) / 7, 8);
  if (extra == 8) {
    out.push_back('\xff');
  } else {
    const auto top = extra == 0 ? v : v >> (8 * extra);
    out.push_back(static_cast<char>(top | (0xff00U >> extra)));
  }
  for (int i = extra; i-- > 0;) out.push_back(static_cast<char>(v >> (8 * i)));
}

std::optional<uint64_t> take_vint(ByteReader& in) {
  const auto first = in.big<uint8_t>();
  if (!first) return {};
  const int extra = std::countl_one(*first);
  const auto rest = in.take(static_cast<size_t>(extra));
  if (!rest) return {};
  uint64_t v = extra == 8 ? 0 : *first & (0xffU >> extra);
  for (char c : *rest) v = v << 8 | static_cast<uint8_t>(c);
  return v;
}

void put_signed_vint(Bytes& out, int64_t v) {
  put_vint(out, static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63));
}

std::optional<int64_t> take_signed_vint(ByteReader& in) {
  const auto v = take_vint(in);
  if (!v) return {};
  return static_cast<int64_t>(*v >> 1) ^ -static_cast<int64_t>(*v & 1);
}

BytesView minimal_varint(BytesView bytes) {
  while (bytes.size() > 1 && bytes[0] == (bytes[1] < 0 ? '\xff' : '\0')) bytes.remove_prefix(1);
  return bytes;
}

std::optional<Bytes> varint_from_text(std::string_view text) {
  const bool negative = take_sign(text);
  if (!all_digits(text) || text.size() > kDigitsMax) return {};
  Bytes bytes = varint_of_digits(negative, text);
  if (bytes.size() > kVarintBytesMax) return {};
  return bytes;
}

std::string varint_to_text(BytesView bytes) {
  const std::string digits = digits_of_varint(bytes);
  if (digits.empty()) return "0";
  return bytes[0] < 0 ? "-" + digits : digits;
}

std::optional<Bytes> decimal_from_text(std::string_view text) {
  const bool negative = take_sign(text);
  int64_t exponent = 0;
  if (const size_t e = text.find_first_of("eE"); e != text.npos) {
    const auto parsed = parse_exponent(text.substr(e + 1));
    if (!parsed) return {};
    exponent = *parsed;
    text = text.substr(0, e);
  }
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  if (point < text.size()) digits += text.substr(point + 1);
  if (!all_digits(digits) || digits.size() > kDigitsMax) return {};
  const int64_t fraction = point < text.size() ? static_cast<int64_t>(text.size() - point - 1) : 0;
  const int64_t scale = fraction - exponent;
  if (scale != static_cast<int32_t>(scale)) return {};
  Bytes bytes;
  put_big(bytes, static_cast<int32_t>(scale));
  bytes += varint_of_digits(negative, digits);
  if (bytes.size() > 4 + kVarintBytesMax) return {};
  return bytes;
}

DecimalParts decimal_parts(BytesView bytes) {
  DecimalParts parts;
  parts.digits = digits_of_varint(bytes.substr(4));
  if (parts.digits.empty()) return parts;
  parts.negative = bytes[4] < 0;
  parts.exponent = static_cast<int64_t>(parts.digits.size()) - get_big<int32_t>(bytes.data());
  while (parts.digits.back() == '0') parts.digits.pop_back();
  return parts;
}

std::optional<Bytes> decimal_from_parts(const DecimalParts& parts) {
  constexpr int64_t kZerosMax = 30;
  constexpr size_t kModerateDigits = 1000;
  if (parts.digits.size() > kDigitsMax) return {};
  std::string digits = parts.digits;
  int64_t scale = static_cast<int64_t>(digits.size()) - parts.exponent;
  // The digits of a scale beyond its range were zeros before they were dropped.
  const int64_t lowest = std::numeric_limits<int32_t>::min();
  if (const int64_t target = scale < 0 && scale >= -kZerosMax && digits.size() < kModerateDigits ? 0 : lowest;
      scale < target) {
    if (target - scale > static_cast<int64_t>(kDigitsMax)) return {};
    digits.append(static_cast<size_t>(target - scale), '0');
    scale = target;
  }
  if (digits.empty()) scale = 0;
  if (scale > std::numeric_limits<int32_t>::max()) return {};
  Bytes bytes;
  put_big(bytes, static_cast<int32_t>(scale));
  bytes += varint_of_digits(parts.negative, digits);
  if (bytes.size() > 4 + kVarintBytesMax) return {};
  return bytes;
}

std::string decimal_to_text(BytesView bytes) {
  const int64_t scale = get_big<int32_t>(bytes.data());
  std::string digits = digits_of_varint(bytes.substr(4));
  if (digits.empty()) digits = "0";
  const std::string_view sign = bytes[4] < 0 ? "-" : "";
  const int64_t exponent = static_cast<int64_t>(digits.size()) - 1 - scale;
  if (scale == 0) return fmt::format("{}{}", sign, digits);
  if (scale < 0 || exponent < -6) {
    if (digits.size() > 1) digits.insert(1, ".");
    return fmt::format("{}{}E{:+}", sign, digits, exponent);
  }
  if (exponent < 0) digits.insert(0, static_cast<size_t>(-exponent), '0');
  digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  return fmt::format("{}{}", sign, digits);
}

}  // namespace sagitta::types
