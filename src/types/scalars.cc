#include <bit>

#include "sagitta/base/assert.h"
#include "sagitta/types/value.h"

namespace sagitta::types {
namespace {

template <std::integral T>
Bytes big_bytes(T v) {
  Bytes bytes;
  put_big(bytes, v);
  return bytes;
}

template <std::integral T>
T read_big(BytesView bytes) {
  SAGITTA_ASSERT(bytes.size() == sizeof(T));
  return get_big<T>(bytes.data());
}

}  // namespace

Bytes from_bool(bool v) { return Bytes(1, v ? '\1' : '\0'); }
Bytes from_int8(int8_t v) { return big_bytes(v); }
Bytes from_int16(int16_t v) { return big_bytes(v); }
Bytes from_int32(int32_t v) { return big_bytes(v); }
Bytes from_int64(int64_t v) { return big_bytes(v); }
Bytes from_float(float v) { return big_bytes(std::bit_cast<uint32_t>(v)); }
Bytes from_double(double v) { return big_bytes(std::bit_cast<uint64_t>(v)); }

bool to_bool(BytesView bytes) { return read_big<int8_t>(bytes) != 0; }
int8_t to_int8(BytesView bytes) { return read_big<int8_t>(bytes); }
int16_t to_int16(BytesView bytes) { return read_big<int16_t>(bytes); }
int32_t to_int32(BytesView bytes) { return read_big<int32_t>(bytes); }
int64_t to_int64(BytesView bytes) { return read_big<int64_t>(bytes); }
float to_float(BytesView bytes) { return std::bit_cast<float>(read_big<uint32_t>(bytes)); }
double to_double(BytesView bytes) { return std::bit_cast<double>(read_big<uint64_t>(bytes)); }

Bytes from_floats(std::span<const float> floats) {
  Bytes bytes(floats.size() * sizeof(float), '\0');
  for (size_t i = 0; i < floats.size(); ++i) {
    const uint32_t big = byteswap_if_little(std::bit_cast<uint32_t>(floats[i]));
    std::memcpy(bytes.data() + i * sizeof big, &big, sizeof big);
  }
  return bytes;
}

void to_floats(BytesView bytes, std::span<float> out) {
  SAGITTA_ASSERT(bytes.size() == out.size() * sizeof(float));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = std::bit_cast<float>(get_big<uint32_t>(bytes.data() + i * sizeof(float)));
  }
}

}  // namespace sagitta::types
