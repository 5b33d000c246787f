/// Integers of unusual size: Cassandra's vints (durations, vector elements), and varints of any
/// length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sagitta/base/bytes.h"

namespace sagitta::types {

/// Conversion between bases is quadratic, so the size of a varint (and of a decimal's digits) is
/// bounded.
inline constexpr size_t kVarintBytesMax = 16384;

/// Cassandra's unsigned vint: as many leading ones in the first byte as bytes follow it, then the
/// value, big-endian.
void put_vint(Bytes& out, uint64_t v);
std::optional<uint64_t> take_vint(ByteReader& in);
/// The same, zig-zag.
void put_signed_vint(Bytes& out, int64_t v);
std::optional<int64_t> take_signed_vint(ByteReader& in);

/// Drops leading bytes that only repeat the sign: the one shortest form of a varint. `bytes` is not
/// empty.
BytesView minimal_varint(BytesView bytes);

/// A decimal as sign × 0.d1d2d3... × 10^exponent, with neither leading nor trailing zeros; no
/// digits for zero. Two decimals are equal exactly when these are.
struct DecimalParts {
  bool negative = false;
  int64_t exponent = 0;
  std::string digits;
};
/// Of valid decimal bytes.
DecimalParts decimal_parts(BytesView bytes);
/// The bytes of a decimal, with scale 0 for integers of moderate size; nothing if its scale would
/// not fit.
std::optional<Bytes> decimal_from_parts(const DecimalParts& parts);
/// As Java's BigDecimal.toString: plain, or with an exponent where plain would be long.
std::string decimal_to_text(BytesView bytes);

}  // namespace sagitta::types
