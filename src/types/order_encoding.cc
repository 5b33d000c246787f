#include <algorithm>
#include <bit>
#include <cstdlib>
#include <optional>

#include "sagitta/types/ordered_bytes.h"

#include "elements.h"
#include "integers.h"
#include "order_keys.h"

// Keys in memcmp order. A component delimits itself: by its fixed size, or by an end mark below
// every continuation. In a descending component all bits are flipped.

namespace sagitta::types {
namespace {

constexpr char kEnd = 0, kNull = 1, kMore = 2;

template <std::integral T>
constexpr auto flip_sign(T v) {
  using Unsigned = std::make_unsigned_t<T>;
  return static_cast<Unsigned>(static_cast<Unsigned>(v) ^ (Unsigned{1} << (sizeof(T) * 8 - 1)));
}

/// Sign, then length, then bytes: longer is larger for positive numbers and smaller for negative
/// ones.
void append_varint(BytesView bytes, Bytes& out) {
  bytes = minimal_varint(bytes);
  const bool negative = bytes[0] < 0;
  const auto size = static_cast<uint32_t>(bytes.size());
  out.push_back(negative ? '\0' : '\1');
  put_big<uint32_t>(out, negative ? ~size : size);
  out += bytes;
}

std::optional<Bytes> take_varint(ByteReader& in) {
  const auto sign = in.big<uint8_t>();
  const auto size = in.big<uint32_t>();
  if (!sign || !size) return std::nullopt;
  if (*sign > 1) return std::nullopt;
  const auto bytes = in.take(*sign == 0 ? ~*size : *size);
  if (!bytes || bytes->empty() || (bytes->front() < 0) != (*sign == 0)) return std::nullopt;
  return Bytes(*bytes);
}

void flip(Bytes& bytes, size_t from = 0) {
  for (size_t i = from; i < bytes.size(); ++i) bytes[i] = static_cast<char>(~bytes[i]);
}

constexpr char kNegative = 0, kZero = 1, kPositive = 2;

void append_decimal(BytesView bytes, Bytes& out) {
  const DecimalParts parts = decimal_parts(bytes);
  if (parts.digits.empty()) return out.push_back(kZero);
  out.push_back(parts.negative ? kNegative : kPositive);
  const size_t magnitude = out.size();
  put_big(out, flip_sign(parts.exponent));
  append_escaped(parts.digits, out);
  if (parts.negative) flip(out, magnitude);
}

/// Digits as decimal_parts leaves them: no zero at either end.
bool is_fraction(std::string_view digits) {
  return !digits.empty() && digits.front() != '0' && digits.back() != '0' &&
         digits.find_first_not_of("0123456789") == digits.npos;
}

std::optional<Bytes> take_decimal(ByteReader& in) {
  DecimalParts parts;
  const auto sign = in.big<char>();
  if (!sign) return std::nullopt;
  if (*sign == kZero) return decimal_from_parts(parts);
  if (*sign != kNegative && *sign != kPositive) return std::nullopt;
  parts.negative = *sign == kNegative;
  Bytes rest(in.rest());
  if (parts.negative) flip(rest);
  ByteReader magnitude(rest);
  const auto exponent = magnitude.big<uint64_t>();
  auto digits = exponent ? take_escaped(magnitude) : std::nullopt;
  if (!digits || !is_fraction(*digits)) return std::nullopt;
  in.take(rest.size() - magnitude.left());
  parts.exponent = static_cast<int64_t>(flip_sign(static_cast<int64_t>(*exponent)));
  if (std::abs(parts.exponent / 2) > INT32_MAX) return std::nullopt;
  parts.digits = std::move(*digits);
  return decimal_from_parts(parts);
}

void append_ascending(const DataType& type, BytesView value, Bytes& out);
std::optional<Bytes> take_ascending(const DataType& type, ByteReader& in);

void append_elements(const DataType& type, BytesView value, Bytes& out) {
  const auto elements = view_elements(type, value);
  const size_t stride = type.parameters().size();
  for (size_t i = 0; elements && i < elements->size(); ++i) {
    out.push_back(kMore);
    append_ascending(*type.parameters()[i % stride], (*elements)[i], out);
  }
  out.push_back(kEnd);
}

std::optional<std::vector<Bytes>> take_elements(const DataType& type, ByteReader& in) {
  std::vector<Bytes> elements;
  const size_t stride = type.parameters().size();
  while (const auto mark = in.big<char>()) {
    if (*mark == kEnd) return elements;
    if (*mark != kMore) return std::nullopt;
    auto element = take_ascending(*type.parameters()[elements.size() % stride], in);
    if (!element) return std::nullopt;
    elements.push_back(std::move(*element));
  }
  return std::nullopt;
}

std::optional<Bytes> take_packed(const DataType& type, ByteReader& in) {
  auto elements = take_elements(type, in);
  if (!elements) return std::nullopt;
  if (type.kind() == Kind::kVector) return pack_vector(type, *elements);
  if (type.kind() != Kind::kMap) return pack_list(*elements);
  if (elements->size() % 2 != 0) return std::nullopt;
  std::vector<std::pair<Bytes, Bytes>> entries;
  for (size_t i = 0; i < elements->size(); i += 2) entries.emplace_back((*elements)[i], (*elements)[i + 1]);
  return pack_map(entries);
}

/// Trailing nulls are left out: a key written before its UDT got another field still reads, and
/// orders, as before.
void append_fields(const DataType& type, BytesView value, Bytes& out) {
  const auto fields = view_tuple(type, value);
  size_t count = fields ? fields->size() : 0;
  while (count > 0 && !(*fields)[count - 1]) --count;
  for (size_t i = 0; i < count; ++i) {
    const ValueView& field = (*fields)[i];
    out.push_back(field ? kMore : kNull);
    if (field) append_ascending(*type.parameters()[i], *field, out);
  }
  out.push_back(kEnd);
}

std::optional<Bytes> take_fields(const DataType& type, ByteReader& in) {
  std::vector<Value> fields;
  while (const auto mark = in.big<char>()) {
    if (*mark == kEnd) {
      fields.resize(type.parameters().size());
      return pack_tuple(fields);
    }
    if (fields.size() == type.parameters().size() || (*mark != kNull && *mark != kMore)) return std::nullopt;
    fields.emplace_back();
    if (*mark == kNull) continue;
    fields.back() = take_ascending(*type.parameters()[fields.size() - 1], in);
    if (!fields.back()) return std::nullopt;
  }
  return std::nullopt;
}

template <std::signed_integral T>
std::optional<Bytes> take_signed(ByteReader& in) {
  const auto flipped = in.big<T>();
  if (!flipped) return std::nullopt;
  Bytes bytes;
  put_big(bytes, flip_sign(*flipped));
  return bytes;
}

template <std::unsigned_integral Bits>
std::optional<Bytes> take_float(ByteReader& in) {
  const auto order = in.big<Bits>();
  if (!order) return std::nullopt;
  Bytes bytes;
  put_big<Bits>(bytes, float_unorder(*order));
  return bytes;
}

std::optional<Bytes> take_uuid(ByteReader& in, bool by_time) {
  const auto version = by_time ? std::optional<uint8_t>(1) : in.big<uint8_t>();
  const auto high = in.big<uint64_t>(), low = in.big<uint64_t>();
  if (!version || !high || !low) return std::nullopt;
  Bytes bytes;
  put_big<uint64_t>(bytes, *version == 1 ? time_last(*high) : *high);
  put_big<uint64_t>(bytes, by_time ? *low ^ kByteSigns : *low);
  return bytes;
}

std::optional<Bytes> take_fixed(ByteReader& in, size_t count) {
  const auto bytes = in.take(count);
  return bytes ? std::optional(Bytes(*bytes)) : std::nullopt;
}

void append_uuid(const UuidOrder& order, bool by_time, Bytes& out) {
  if (!by_time) out.push_back(static_cast<char>(order.version));
  put_big(out, order.high);
  put_big(out, order.low);
}

void append_ascending(const DataType& type, BytesView value, Bytes& out) {
  switch (type.kind()) {
    case Kind::kAscii:
    case Kind::kText:
    case Kind::kBlob:
    case Kind::kInet:
    case Kind::kDuration: return append_escaped(value, out);
    case Kind::kBoolean: return out.push_back(to_bool(value) ? '\1' : '\0');
    case Kind::kDate: out += value; return;
    case Kind::kTinyint: return put_big(out, flip_sign(to_int8(value)));
    case Kind::kSmallint: return put_big(out, flip_sign(to_int16(value)));
    case Kind::kInt: return put_big(out, flip_sign(to_int32(value)));
    case Kind::kBigint:
    case Kind::kCounter:
    case Kind::kTimestamp:
    case Kind::kTime: return put_big(out, flip_sign(to_int64(value)));
    case Kind::kFloat: return put_big(out, float_order(get_big<uint32_t>(value.data())));
    case Kind::kDouble: return put_big(out, float_order(get_big<uint64_t>(value.data())));
    case Kind::kUuid: return append_uuid(uuid_order(value), false, out);
    case Kind::kTimeuuid: return append_uuid(timeuuid_order(value), true, out);
    case Kind::kVarint: return append_varint(value, out);
    case Kind::kDecimal: return append_decimal(value, out);
    case Kind::kList:
    case Kind::kSet:
    case Kind::kMap:
    case Kind::kVector: return append_elements(type, value, out);
    case Kind::kTuple:
    case Kind::kUdt: return append_fields(type, value, out);
  }
}

std::optional<Bytes> take_ascending(const DataType& type, ByteReader& in) {
  switch (type.kind()) {
    case Kind::kAscii:
    case Kind::kText:
    case Kind::kBlob:
    case Kind::kInet:
    case Kind::kDuration: return take_escaped(in);
    case Kind::kBoolean: return take_fixed(in, 1);
    case Kind::kDate: return take_fixed(in, 4);
    case Kind::kTinyint: return take_signed<int8_t>(in);
    case Kind::kSmallint: return take_signed<int16_t>(in);
    case Kind::kInt: return take_signed<int32_t>(in);
    case Kind::kBigint:
    case Kind::kCounter:
    case Kind::kTimestamp:
    case Kind::kTime: return take_signed<int64_t>(in);
    case Kind::kFloat: return take_float<uint32_t>(in);
    case Kind::kDouble: return take_float<uint64_t>(in);
    case Kind::kUuid: return take_uuid(in, false);
    case Kind::kTimeuuid: return take_uuid(in, true);
    case Kind::kVarint: return take_varint(in);
    case Kind::kDecimal: return take_decimal(in);
    case Kind::kList:
    case Kind::kSet:
    case Kind::kMap:
    case Kind::kVector: return take_packed(type, in);
    case Kind::kTuple:
    case Kind::kUdt: return take_fields(type, in);
  }
  return std::nullopt;
}

}  // namespace

void append_ordered(const DataType& type, BytesView value, bool descending, Bytes& out) {
  const size_t start = out.size();
  append_ascending(type, value, out);
  if (descending) flip(out, start);
}

Result<Bytes> take_ordered(const DataType& type, bool descending, ByteReader& in) {
  Bytes flipped;
  if (descending) {
    flipped = Bytes(in.rest());
    flip(flipped);
  }
  ByteReader ascending(descending ? BytesView(flipped) : in.rest());
  const size_t before = ascending.left();
  auto value = take_ascending(type, ascending);
  if (!value || !validate(type, *value))
    return fail(ErrorCode::kCorruption, "bytes that are no ordered " + type.to_cql());
  in.take(before - ascending.left());
  return *std::move(value);
}

}  // namespace sagitta::types
