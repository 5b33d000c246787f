/// Checksums: CRC-32C by the processor, CRC-32 by libdeflate.
#include "sagitta/base/checksum.h"

#include <libdeflate.h>

#include <array>

namespace sagitta {
namespace {

constexpr std::array<uint32_t, 256> make_crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
    table[i] = crc;
  }
  return table;
}

uint32_t crc32c_table(const char* p, size_t count, uint32_t crc) {
  static constexpr auto kTable = make_crc32c_table();
  for (size_t i = 0; i < count; ++i) crc = kTable[(crc ^ static_cast<uint8_t>(p[i])) & 0xff] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32c_hardware(const char* p, size_t count, uint32_t crc) {
  uint64_t wide = crc;
  for (; count >= 8; count -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; count > 0; --count, ++p) crc = __builtin_ia32_crc32qi(crc, static_cast<uint8_t>(*p));
  return crc;
}
#endif

}  // namespace

uint32_t crc32c(BytesView bytes, uint32_t seed) {
#if defined(__x86_64__)
  static const bool kHardware = __builtin_cpu_supports("sse4.2") != 0;
  if (kHardware) return ~crc32c_hardware(bytes.data(), bytes.size(), ~seed);
#endif
  return ~crc32c_table(bytes.data(), bytes.size(), ~seed);
}

uint32_t crc32(BytesView bytes, uint32_t seed) { return libdeflate_crc32(seed, bytes.data(), bytes.size()); }

}  // namespace sagitta
