#include <algorithm>

#include "sagitta/base/assert.h"

#include "elements.h"
#include "integers.h"
#include "order_keys.h"

namespace sagitta::types {
namespace {

using Order = std::strong_ordering;

Order compare_bytes(BytesView a, BytesView b) { return a.compare(b) <=> 0; }

Order compare_varint(BytesView a, BytesView b) {
  a = minimal_varint(a);
  b = minimal_varint(b);
  const bool negative = a[0] < 0;
  if (negative != (b[0] < 0)) return negative ? Order::less : Order::greater;
  if (a.size() != b.size()) return negative ? b.size() <=> a.size() : a.size() <=> b.size();
  return compare_bytes(a, b);
}

Order compare_decimal(BytesView a, BytesView b) {
  const DecimalParts x = decimal_parts(a), y = decimal_parts(b);
  const auto sign = [](const DecimalParts& p) { return p.digits.empty() ? 0 : p.negative ? -1 : 1; };
  if (sign(x) != sign(y)) return sign(x) <=> sign(y);
  const Order magnitude = x.exponent != y.exponent ? x.exponent <=> y.exponent : compare_bytes(x.digits, y.digits);
  return x.negative ? 0 <=> magnitude : magnitude;
}

/// Element by element, then the shorter first; `stride` 2 for a map, whose keys and values
/// alternate.
Order compare_elements(const DataType& type, BytesView a, BytesView b) {
  const auto x = view_elements(type, a), y = view_elements(type, b);
  SAGITTA_ASSERT(x.has_value() && y.has_value());
  const size_t common = std::min(x->size(), y->size()), stride = type.parameters().size();
  for (size_t i = 0; i < common; ++i) {
    const Order order = compare(*type.parameters()[i % stride], (*x)[i], (*y)[i]);
    if (order != 0) return order;
  }
  return x->size() <=> y->size();
}

Order compare_tuple(const DataType& type, BytesView a, BytesView b) {
  const auto x = view_tuple(type, a), y = view_tuple(type, b);
  SAGITTA_ASSERT(x.has_value() && y.has_value());
  for (size_t i = 0; i < x->size(); ++i) {
    const ValueView &left = (*x)[i], &right = (*y)[i];
    if (left.has_value() != right.has_value()) return left.has_value() <=> right.has_value();
    if (!left) continue;
    const Order order = compare(*type.parameters()[i], *left, *right);
    if (order != 0) return order;
  }
  return Order::equal;
}

template <std::unsigned_integral Bits>
Order compare_float(BytesView a, BytesView b) {
  return float_order(get_big<Bits>(a.data())) <=> float_order(get_big<Bits>(b.data()));
}

}  // namespace

Order compare(const DataType& type, BytesView a, BytesView b) {
  switch (type.kind()) {
    case Kind::kAscii:
    case Kind::kText:
    case Kind::kBlob:
    case Kind::kInet:
    case Kind::kDate:  // unsigned, the epoch in the middle
    case Kind::kDuration: return compare_bytes(a, b);
    case Kind::kBoolean: return to_bool(a) <=> to_bool(b);
    case Kind::kTinyint: return to_int8(a) <=> to_int8(b);
    case Kind::kSmallint: return to_int16(a) <=> to_int16(b);
    case Kind::kInt: return to_int32(a) <=> to_int32(b);
    case Kind::kBigint:
    case Kind::kCounter:
    case Kind::kTimestamp:
    case Kind::kTime: return to_int64(a) <=> to_int64(b);
    case Kind::kFloat: return compare_float<uint32_t>(a, b);
    case Kind::kDouble: return compare_float<uint64_t>(a, b);
    case Kind::kUuid: return uuid_order(a) <=> uuid_order(b);
    case Kind::kTimeuuid: return timeuuid_order(a) <=> timeuuid_order(b);
    case Kind::kVarint: return compare_varint(a, b);
    case Kind::kDecimal: return compare_decimal(a, b);
    case Kind::kList:
    case Kind::kSet:
    case Kind::kMap:
    case Kind::kVector: return compare_elements(type, a, b);
    case Kind::kTuple:
    case Kind::kUdt: return compare_tuple(type, a, b);
  }
  return compare_bytes(a, b);
}

}  // namespace sagitta::types
