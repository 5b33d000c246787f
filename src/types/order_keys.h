/// Unsigned integers whose order is the order of a fixed-size native value: what comparing and
/// ordered encoding share.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>

#include "sagitta/base/bytes.h"

namespace sagitta::types {

/// Java's Float.compare: -0 before 0, every NaN equal and last. `Bits` are those of an IEEE float
/// or double.
template <std::unsigned_integral Bits>
constexpr Bits float_order(Bits bits) {
  constexpr int kMantissa = sizeof(Bits) == 4 ? 23 : 52;
  constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
  constexpr Bits kInfinity = static_cast<Bits>((kSign >> kMantissa) - 1) << kMantissa;
  constexpr Bits kNan = kInfinity | Bits{1} << (kMantissa - 1);
  if ((bits & ~kSign) > kInfinity) bits = kNan;
  return bits & kSign ? ~bits : bits | kSign;
}
template <std::unsigned_integral Bits>
constexpr Bits float_unorder(Bits order) {
  constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
  return order & kSign ? order & ~kSign : ~order;
}

struct UuidOrder {
  uint8_t version;
  uint64_t high, low;
  auto operator<=>(const UuidOrder&) const = default;
};

/// A version-1 UUID's first half with its time fields most significant first, and back.
constexpr uint64_t time_first(uint64_t high) { return high << 48 | (high << 16 & 0xffff'0000'0000) | high >> 32; }
constexpr uint64_t time_last(uint64_t high) { return high << 32 | (high >> 16 & 0xffff'0000) | high >> 48; }

/// Cassandra's UUIDType: by version, then (version 1) by time, then by unsigned bytes.
inline UuidOrder uuid_order(BytesView bytes) {
  const auto high = get_big<uint64_t>(bytes.data()), low = get_big<uint64_t>(bytes.data() + 8);
  const auto version = static_cast<uint8_t>(high >> 12 & 0xf);
  return {version, version == 1 ? time_first(high) : high, low};
}

/// Cassandra's TimeUUIDType: by time, then by signed bytes.
inline constexpr uint64_t kByteSigns = 0x8080'8080'8080'8080;
inline UuidOrder timeuuid_order(BytesView bytes) {
  return {1, time_first(get_big<uint64_t>(bytes.data())), get_big<uint64_t>(bytes.data() + 8) ^ kByteSigns};
}

}  // namespace sagitta::types
