#include <fmt/format.h>

#include <algorithm>

#include "sagitta/types/duration.h"

#include "elements.h"
#include "integers.h"

namespace sagitta::types {
namespace {

constexpr int64_t kDayNs = 86'400'000'000'000;

template <class... Parts>
std::unexpected<Error> invalid(fmt::format_string<Parts...> format, Parts... parts) {
  return fail(ErrorCode::kInvalid, fmt::format(format, std::move(parts)...));
}

/// Cassandra's words for a value of the wrong length. It takes no bytes at all for a value of some
/// types; here they are none.
std::string_view wanted_size(Kind kind) {
  switch (kind) {
    case Kind::kBoolean: return "Expected 1 or 0 byte value";
    case Kind::kTinyint: return "Expected 1 byte for a tinyint";
    case Kind::kSmallint: return "Expected 2 bytes for a smallint";
    case Kind::kInt: return "Expected 4 or 0 byte int";
    case Kind::kFloat: return "Expected 4 or 0 byte value for a float";
    case Kind::kDouble: return "Expected 8 or 0 byte value for a double";
    case Kind::kDate: return "Expected 4 byte long for date";
    case Kind::kTime: return "Expected 8 byte long for time";
    case Kind::kTimestamp: return "Expected 8 or 0 byte long for date";
    case Kind::kUuid:
    case Kind::kTimeuuid: return "UUID should be 16 or 0 bytes";
    default: return "Expected 8 or 0 byte long";
  }
}

Status expect_bytes(const DataType& type, BytesView bytes, size_t count) {
  if (bytes.size() == count) return {};
  const std::string_view wanted = wanted_size(type.kind());
  if (bytes.empty() && wanted.find(" 0 byte") != wanted.npos) return invalid("no bytes are no {}", type.to_cql());
  return invalid("{} ({})", wanted, bytes.size());
}

Status validate_ascii(BytesView bytes) {
  const auto found = std::ranges::find_if(bytes, [](char c) { return static_cast<uint8_t>(c) >= 0x80; });
  return found == bytes.end() ? Status() : invalid("Invalid byte for ascii: {}", static_cast<int8_t>(*found));
}

/// The length of the UTF-8 sequence at `i`; 0 when there is none (overlong, surrogate, beyond
/// U+10FFFF, cut off).
size_t utf8_sequence(BytesView bytes, size_t i) {
  const auto at = [&](size_t k) { return i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : uint8_t{0}; };
  const auto continues = [&](size_t k) { return (at(k) & 0xc0) == 0x80; };
  const uint8_t first = at(0), second = at(1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continues(1)) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) {
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
    return continues(2) ? 3 : 0;
  }
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return continues(2) && continues(3) ? 4 : 0;
}

Status validate_utf8(BytesView bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = utf8_sequence(bytes, i);
    if (length == 0) return invalid("String didn't validate.");
    i += length;
  }
  return {};
}

Status validate_varint(const DataType& type, BytesView bytes) {
  if (bytes.empty()) return invalid("expected at least 1 byte for {}, but got 0", type.to_cql());
  if (bytes.size() > kVarintBytesMax) {
    return invalid("{} of {} bytes; at most {} are allowed", type.to_cql(), bytes.size(), kVarintBytesMax);
  }
  return {};
}

Status validate_decimal(const DataType& type, BytesView bytes) {
  constexpr size_t kScaleBytes = 4;
  if (!bytes.empty() && bytes.size() < kScaleBytes) return invalid("Expected 0 or at least 4 bytes ({})", bytes.size());
  if (bytes.size() <= kScaleBytes) return invalid("{} bytes are no decimal", bytes.size());
  return validate_varint(type, bytes.substr(4));
}

Status validate_timeuuid(const DataType& type, BytesView bytes) {
  SAGITTA_CHECK(expect_bytes(type, bytes, 16));
  const int version = static_cast<uint8_t>(bytes[6]) >> 4;
  if (version != 1) return invalid("timeuuid of version {}; expected version 1", version);
  return {};
}

Status validate_time(const DataType& type, BytesView bytes) {
  SAGITTA_CHECK(expect_bytes(type, bytes, 8));
  const int64_t ns = to_int64(bytes);
  if (ns < 0 || ns >= kDayNs) return invalid("time of {} ns is not within a day", ns);
  return {};
}

Status validate_inet(BytesView bytes) {
  if (bytes.size() == 4 || bytes.size() == 16) return {};
  return invalid("Expected 4 or 16 byte inetaddress; got {}", to_hex(bytes));
}

Status validate_vector(const DataType& type, BytesView bytes) {
  const Kind element = type.element()->kind();
  if (element == Kind::kFloat && bytes.size() == size_t{type.dim()} * sizeof(float)) return {};
  SAGITTA_TRY(const auto elements, view_elements(type, bytes));
  for (const BytesView& each : elements) SAGITTA_CHECK(validate(*type.element(), each));
  return {};
}

Status validate_collection(const DataType& type, BytesView bytes) {
  SAGITTA_TRY(const auto elements, view_elements(type, bytes));
  const size_t stride = type.parameters().size();
  for (size_t i = 0; i < elements.size(); ++i) SAGITTA_CHECK(validate(*type.parameters()[i % stride], elements[i]));
  return {};
}

Status validate_tuple(const DataType& type, BytesView bytes) {
  SAGITTA_TRY(const auto fields, view_tuple(type, bytes));
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i]) SAGITTA_CHECK(validate(*type.parameters()[i], *fields[i]));
  }
  return {};
}

}  // namespace

Status validate(const DataType& type, BytesView bytes) {
  switch (type.kind()) {
    case Kind::kBlob: return {};
    case Kind::kText: return validate_utf8(bytes);
    case Kind::kAscii: return validate_ascii(bytes);
    case Kind::kBoolean:
    case Kind::kTinyint: return expect_bytes(type, bytes, 1);
    case Kind::kSmallint: return expect_bytes(type, bytes, 2);
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kDate: return expect_bytes(type, bytes, 4);
    case Kind::kBigint:
    case Kind::kCounter:
    case Kind::kDouble:
    case Kind::kTimestamp: return expect_bytes(type, bytes, 8);
    case Kind::kTime: return validate_time(type, bytes);
    case Kind::kUuid: return expect_bytes(type, bytes, 16);
    case Kind::kTimeuuid: return validate_timeuuid(type, bytes);
    case Kind::kInet: return validate_inet(bytes);
    case Kind::kVarint: return validate_varint(type, bytes);
    case Kind::kDecimal: return validate_decimal(type, bytes);
    case Kind::kDuration:
      if (bytes.size() < 3) return invalid("Expected at least 3 bytes for a duration ({})", bytes.size());
      return decode_duration(bytes) ? Status() : invalid("{} bytes that are no duration", bytes.size());
    case Kind::kVector: return validate_vector(type, bytes);
    case Kind::kList:
    case Kind::kSet:
    case Kind::kMap: return validate_collection(type, bytes);
    case Kind::kTuple:
    case Kind::kUdt: return validate_tuple(type, bytes);
  }
  return invalid("no type {}", static_cast<int>(type.kind()));
}

}  // namespace sagitta::types
