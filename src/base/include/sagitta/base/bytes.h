/// Byte strings, and bounded readers and writers over them. No length from outside is trusted: a
/// read checks what is left before it touches or allocates anything.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "sagitta/base/result.h"

namespace sagitta {

using Bytes = std::string;
using BytesView = std::string_view;

/// A CQL cell value: its serialised bytes, or null.
using Value = std::optional<Bytes>;
using ValueView = std::optional<BytesView>;

inline Value to_value(ValueView v) { return v ? Value(Bytes(*v)) : Value(); }
inline ValueView to_view(const Value& v) { return v ? ValueView(BytesView(*v)) : ValueView(); }

template <std::integral T>
constexpr T byteswap_if_little(T v) {
  if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) {
    return v;
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(v)));
  } else if constexpr (sizeof(T) == 4) {
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(v)));
  } else {
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(v)));
  }
}

/// Appends a big-endian integer: the byte order of CQL and of our ordered keys.
template <std::integral T>
void put_big(Bytes& out, T v) {
  v = byteswap_if_little(v);
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

/// Reads a big-endian integer from the first sizeof(T) bytes at `p`, which must be there.
template <std::integral T>
T get_big(const char* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return byteswap_if_little(v);
}

/// Appends v in 7-bit groups, low first (LEB128): the integer of our file formats.
void put_varint(Bytes& out, uint64_t v);
/// Appends a varint length and the bytes.
void put_blob(Bytes& out, BytesView bytes);
/// Zig-zag varint, for signed values near zero.
void put_signed_varint(Bytes& out, int64_t v);

/// A cursor over bytes that it does not own. Each read returns nothing once there are too few bytes
/// left; `error_for` names what was being decoded.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) : rest_(bytes) {}

  size_t left() const { return rest_.size(); }
  bool empty() const { return rest_.empty(); }
  BytesView rest() const { return rest_; }

  template <std::integral T>
  std::optional<T> big() {
    if (rest_.size() < sizeof(T)) return std::nullopt;
    T v = get_big<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return v;
  }
  std::optional<BytesView> take(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    BytesView taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::optional<uint64_t> varint();
  std::optional<int64_t> signed_varint();
  std::optional<BytesView> blob();

 private:
  BytesView rest_;
};

/// "0x0aff": how messages and logs show bytes; at most `max_bytes` of them.
std::string to_hex(BytesView bytes, size_t max_bytes = SIZE_MAX);
/// The bytes of an even number of hex digits, without 0x; nothing if it is not that.
std::optional<Bytes> from_hex(std::string_view digits);

}  // namespace sagitta
