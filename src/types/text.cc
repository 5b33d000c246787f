#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "sagitta/base/uuid.h"
#include "sagitta/types/duration.h"
#include "sagitta/types/name.h"
#include "sagitta/types/value.h"

#include "calendar.h"
#include "integers.h"
#include "java_text.h"

namespace sagitta::types {
namespace {

/// Dates travel as unsigned days with the epoch in the middle.
constexpr int64_t kDateEpoch = int64_t{1} << 31;
constexpr int64_t kDayNs = 86'400'000'000'000;

template <std::integral T>
std::optional<T> integer(std::string_view text) {
  T value{};
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

template <std::floating_point T>
std::optional<T> real(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view magnitude = negative || text.starts_with('+') ? text.substr(1) : text;
  const T sign = negative ? T{-1} : T{1};
  if (equals_ignoring_case(magnitude, "nan")) return std::numeric_limits<T>::quiet_NaN();
  if (equals_ignoring_case(magnitude, "infinity")) return sign * std::numeric_limits<T>::infinity();
  if (magnitude.empty() || magnitude[0] == '-' || magnitude.find_first_not_of("0123456789.eE+-") != magnitude.npos)
    return std::nullopt;
  T value{};
  const auto [end, error] = std::from_chars(magnitude.data(), magnitude.data() + magnitude.size(), value);
  if (end != magnitude.data() + magnitude.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const double wide = std::strtod(std::string(magnitude).c_str(), nullptr);
    return sign * static_cast<T>(wide);
  }
  return error == std::errc() ? std::optional(sign * value) : std::nullopt;
}

template <class T, class F>
std::optional<Bytes> then(const std::optional<T>& value, F&& to_bytes) {
  return value ? std::optional<Bytes>(to_bytes(*value)) : std::nullopt;
}

std::optional<Bytes> inet(std::string_view text) {
  const std::string address(text);
  if (address.find('\0') != address.npos) return std::nullopt;
  char bytes[16];
  if (inet_pton(AF_INET, address.c_str(), bytes) == 1) return Bytes(bytes, 4);
  if (inet_pton(AF_INET6, address.c_str(), bytes) != 1) return std::nullopt;
  // As in Java, where an IPv4 address within IPv6 is the IPv4 address.
  const Bytes whole(bytes, 16);
  constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  return whole.starts_with(kMapped) ? whole.substr(kMapped.size()) : whole;
}

std::optional<Bytes> uuid(std::string_view text, bool timeuuid) {
  const auto parsed = Uuid::parse(text);
  if (!parsed || (timeuuid && parsed->version() != 1)) return std::nullopt;
  return parsed->bytes();
}

std::optional<Bytes> date(std::string_view text) {
  const auto to_bytes = [](int64_t days) { return from_int32(static_cast<int32_t>(static_cast<uint32_t>(days))); };
  if (const auto number = integer<uint32_t>(text)) return to_bytes(*number);
  const auto days = days_from_text(text);
  if (!days || *days < -kDateEpoch || *days >= kDateEpoch) return std::nullopt;
  return to_bytes(*days + kDateEpoch);
}

std::optional<Bytes> time(std::string_view text) {
  auto ns = integer<int64_t>(text);
  if (!ns) ns = time_from_text(text);
  return ns && *ns >= 0 && *ns < kDayNs ? std::optional(from_int64(*ns)) : std::nullopt;
}

std::optional<Bytes> timestamp(std::string_view text) {
  auto ms = integer<int64_t>(text);
  if (!ms) ms = timestamp_from_text(text);
  return then(ms, from_int64);
}

std::optional<Bytes> boolean(std::string_view text) {
  if (equals_ignoring_case(text, "true")) return from_bool(true);
  if (equals_ignoring_case(text, "false")) return from_bool(false);
  return std::nullopt;
}

std::optional<Bytes> blob(std::string_view text) {
  return text.starts_with("0x") || text.starts_with("0X") ? from_hex(text.substr(2)) : std::nullopt;
}

std::optional<Bytes> native(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::kAscii:
    case Kind::kText: return Bytes(text);
    case Kind::kBlob: return blob(text);
    case Kind::kBoolean: return boolean(text);
    case Kind::kTinyint: return then(integer<int8_t>(text), from_int8);
    case Kind::kSmallint: return then(integer<int16_t>(text), from_int16);
    case Kind::kInt: return then(integer<int32_t>(text), from_int32);
    case Kind::kBigint:
    case Kind::kCounter: return then(integer<int64_t>(text), from_int64);
    case Kind::kVarint: return varint_from_text(text);
    case Kind::kDecimal: return decimal_from_text(text);
    case Kind::kFloat: return then(real<float>(text), from_float);
    case Kind::kDouble: return then(real<double>(text), from_double);
    case Kind::kUuid: return uuid(text, false);
    case Kind::kTimeuuid: return uuid(text, true);
    case Kind::kInet: return inet(text);
    case Kind::kDate: return date(text);
    case Kind::kTime: return time(text);
    case Kind::kTimestamp: return timestamp(text);
    case Kind::kDuration: return then(duration_from_text(text), encode_duration);
    default: return std::nullopt;
  }
}

std::string real_text(double value, std::string shortest) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  if (shortest.find_first_of(".e") == std::string::npos) shortest += ".0";
  return shortest;
}

std::string inet_text(BytesView bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

/// A native value without any quotes.
std::string plain_text(Kind kind, BytesView bytes) {
  switch (kind) {
    case Kind::kBlob: return to_hex(bytes);
    case Kind::kBoolean: return to_bool(bytes) ? "true" : "false";
    case Kind::kTinyint: return std::to_string(to_int8(bytes));
    case Kind::kSmallint: return std::to_string(to_int16(bytes));
    case Kind::kInt: return std::to_string(to_int32(bytes));
    case Kind::kBigint:
    case Kind::kCounter: return std::to_string(to_int64(bytes));
    case Kind::kVarint: return varint_to_text(bytes);
    case Kind::kDecimal: return decimal_to_text(bytes);
    case Kind::kFloat: return real_text(static_cast<double>(to_float(bytes)), fmt::format("{}", to_float(bytes)));
    case Kind::kDouble: return real_text(to_double(bytes), fmt::format("{}", to_double(bytes)));
    case Kind::kUuid:
    case Kind::kTimeuuid: return to_string(*Uuid::from_bytes(bytes));
    case Kind::kInet: return inet_text(bytes);
    case Kind::kDate: return days_to_text(static_cast<int64_t>(static_cast<uint32_t>(to_int32(bytes))) - kDateEpoch);
    case Kind::kTime: return time_to_text(to_int64(bytes));
    case Kind::kTimestamp: return timestamp_to_text(to_int64(bytes));
    case Kind::kDuration: {
      const auto duration = decode_duration(bytes);
      return duration ? duration_to_text(*duration) : to_hex(bytes);
    }
    default: return Bytes(bytes);
  }
}

/// As `plain_text`, in the forms of Java.
std::string java_text(Kind kind, BytesView bytes) {
  switch (kind) {
    case Kind::kFloat: return java_real(to_float(bytes));
    case Kind::kDouble: return java_real(to_double(bytes));
    case Kind::kInet: return java_inet(bytes);
    default: return plain_text(kind, bytes);
  }
}

/// How one language writes values.
struct Dialect {
  std::string (*plain)(Kind kind, BytesView bytes);
  std::string (*quote)(std::string_view text);
  bool (*is_quoted)(Kind kind);
  std::string_view set_open, set_close, tuple_open, tuple_close;
  /// Keys of maps and UDTs are always strings (JSON).
  bool string_keys;
};

std::string quote_cql(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted.push_back(c);
    if (c == '\'') quoted.push_back(c);
  }
  return quoted + "'";
}

std::string quote_json(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      case '\r': quoted += "\\r"; break;
      case '\t': quoted += "\\t"; break;
      case '\b': quoted += "\\b"; break;
      case '\f': quoted += "\\f"; break;
      default:
        static_cast<uint8_t>(c) < 0x20 ? quoted += fmt::format("\\u{:04X}", static_cast<uint8_t>(c)) : quoted += c;
    }
  }
  return quoted + "\"";
}

/// The name of a column or field as the key of a JSON object.
std::string json_name(std::string_view name) {
  const bool capitals = std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
  return quote_json(capitals ? fmt::format("\"{}\"", name) : std::string(name));
}

bool is_quoted_in_cql(Kind kind) {
  switch (kind) {
    case Kind::kAscii:
    case Kind::kText:
    case Kind::kInet:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimestamp: return true;
    default: return false;
  }
}

bool is_quoted_in_json(Kind kind) {
  switch (kind) {
    case Kind::kUuid:
    case Kind::kTimeuuid:
    case Kind::kBlob:
    case Kind::kDuration: return true;
    default: return is_quoted_in_cql(kind);
  }
}

constexpr Dialect kCql{plain_text, quote_cql, is_quoted_in_cql, "{", "}", "(", ")", false};
constexpr Dialect kJson{java_text, quote_json, is_quoted_in_json, "[", "]", "[", "]", true};

std::string write(const Dialect& dialect, const DataType& type, ValueView value);

std::string write_key(const Dialect& dialect, const DataType& type, BytesView key) {
  std::string text = write(dialect, type, key);
  return dialect.string_keys && !text.starts_with('"') ? dialect.quote(text) : text;
}

std::string write_elements(const Dialect& dialect, const DataType& type, BytesView value) {
  const auto elements = unpack_elements(type, value);
  if (!elements) return to_hex(value);
  const bool map = type.kind() == Kind::kMap, set = type.kind() == Kind::kSet;
  std::string text(map ? "{" : set ? dialect.set_open : "[");
  for (size_t i = 0; i < elements->size(); ++i) {
    if (i > 0) text += map && i % 2 == 1 ? ": " : ", ";
    const bool key = map && i % 2 == 0;
    text += key ? write_key(dialect, *type.key(), (*elements)[i])
                : write(dialect, map ? *type.mapped() : *type.element(), (*elements)[i]);
  }
  return text.append(map ? "}" : set ? dialect.set_close : "]");
}

std::string write_fields(const Dialect& dialect, const DataType& type, BytesView value) {
  const auto fields = unpack_tuple(type, value);
  if (!fields) return to_hex(value);
  const bool named = type.kind() == Kind::kUdt;
  std::string text(named ? "{" : dialect.tuple_open);
  for (size_t i = 0; i < fields->size(); ++i) {
    if (i > 0) text += ", ";
    if (named) {
      const std::string& name = type.field_names()[i];
      text += (dialect.string_keys ? json_name(name) : quote_name(name)) + ": ";
    }
    text += write(dialect, *type.parameters()[i], to_view((*fields)[i]));
  }
  return text.append(named ? "}" : dialect.tuple_close);
}

std::string write(const Dialect& dialect, const DataType& type, ValueView value) {
  if (!value) return "null";
  switch (type.kind()) {
    case Kind::kList:
    case Kind::kSet:
    case Kind::kMap:
    case Kind::kVector: return write_elements(dialect, type, *value);
    case Kind::kTuple:
    case Kind::kUdt: return write_fields(dialect, type, *value);
    default: break;
  }
  std::string text = dialect.plain(type.kind(), *value);
  if (dialect.is_quoted(type.kind())) return dialect.quote(text);
  const bool no_json_number = dialect.string_keys && (text == "NaN" || text.ends_with("Infinity"));
  return no_json_number ? "null" : text;
}

/// Cassandra's words for a text that is no value of the type.
std::string no_value_text(Kind kind, std::string_view text) {
  constexpr size_t kShownMax = 100;
  const std::string shown = fmt::format("{}{}", text.substr(0, kShownMax), text.size() > kShownMax ? "..." : "");
  const auto unable = [&](std::string_view what) { return fmt::format("Unable to make {} from '{}'", what, shown); };
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  const bool is_number = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
  switch (kind) {
    case Kind::kBoolean: return unable("boolean");
    case Kind::kTinyint: return unable("byte");
    case Kind::kSmallint: return unable("short");
    case Kind::kInt: return unable("int");
    case Kind::kBigint:
    case Kind::kCounter: return unable("long");
    case Kind::kVarint: return unable("int");
    case Kind::kDecimal: return fmt::format("unable to make BigDecimal from '{}'", shown);
    case Kind::kFloat: return unable("float");
    case Kind::kDouble: return unable("double");
    case Kind::kUuid: return unable("UUID");
    case Kind::kInet: return unable("inet address");
    case Kind::kTimeuuid:
      return Uuid::parse(text) ? "TimeUUID supports only version 1 UUIDs" : "Unknown timeuuid representation: " + shown;
    case Kind::kDate:
      if (is_number) return fmt::format("Unable to make unsigned int (for date) from: '{}'", shown);
      return fmt::format("Unable to coerce '{}' to a formatted date (long)", shown);
    case Kind::kTime:
      if (is_number) return fmt::format("Unable to make long (for time) from: '{}'", shown);
      return fmt::format("(TimeType) Unable to coerce '{}' to a formatted time (long)", shown);
    case Kind::kTimestamp:
      if (is_number) return fmt::format("Unable to make long (for date) from: '{}'", shown);
      return fmt::format("Unable to parse a date/time from '{}'", shown);
    case Kind::kDuration: return fmt::format("Unable to convert '{}' to a duration", shown);
    default: return fmt::format("cannot parse '{}' as hex bytes", shown);
  }
}

}  // namespace

Result<Bytes> from_text(const DataType& type, std::string_view text) {
  auto bytes = native(type.kind(), text);
  if (!bytes) return fail(ErrorCode::kInvalid, no_value_text(type.kind(), text));
  SAGITTA_CHECK(validate(type, *bytes));
  return *std::move(bytes);
}

std::string to_literal(const DataType& type, ValueView value) { return write(kCql, type, value); }

std::string to_text(const DataType& type, BytesView value) {
  std::string text = java_text(type.kind(), value);
  if (type.kind() == Kind::kTimestamp) std::ranges::replace(text, ' ', 'T');
  return text;
}

std::string to_json(const DataType& type, ValueView value) { return write(kJson, type, value); }

void JsonObject::add(std::string_view name, const DataType& type, ValueView value) {
  if (text_.size() > 1) text_ += ", ";
  text_ += json_name(name) + ": " + to_json(type, value);
}

}  // namespace sagitta::types
