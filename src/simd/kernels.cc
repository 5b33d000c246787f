// The choice of a level, and conversions between float and its short forms.
#include "sagitta/simd/kernels.h"

#include <bit>
#include <cmath>
#include <cstdlib>

#include "sagitta/base/bytes.h"

#include "targets.h"

namespace sagitta::simd {
namespace {

const Kernels& choose() {
  if (const char* forced = std::getenv("SAGITTA_SIMD"); forced != nullptr) {
    if (const Kernels* named = kernels_named(forced); named != nullptr) return *named;
  }
  return *all_kernels().back();
}

}  // namespace

std::vector<const Kernels*> all_kernels() {
  std::vector<const Kernels*> all{&kScalarKernels};
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Each level includes the instructions of those before it.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
                    __builtin_cpu_supports("popcnt");
  if (!avx2) return all;
  all.push_back(&kAvx2Kernels);
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx512) return all;
  all.push_back(&kAvx512Kernels);
  if (!__builtin_cpu_supports("avx512vnni")) return all;
  all.push_back(&avx512vnni_kernels());
  if (!__builtin_cpu_supports("avx512vpopcntdq")) return all;
  all.push_back(&avx512vpopcntdq_kernels());
  if (__builtin_cpu_supports("avx512bf16")) all.push_back(&avx512bf16_kernels());
#endif
  return all;
}

const Kernels* kernels_named(std::string_view name) {
  for (const Kernels* level : all_kernels()) {
    if (level->name == name) return level;
  }
  return nullptr;
}

const Kernels& kernels() {
  static const Kernels& best = choose();
  return best;
}

float to_float(Half half) {
  const auto bits = static_cast<uint32_t>(half);
  const uint32_t sign = (bits & 0x8000) << 16, exponent = (bits >> 10) & 31, mantissa = bits & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  return sign != 0 ? -magnitude : magnitude;
}

Half to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const float magnitude = std::fabs(value);
  const auto make = [sign](uint32_t rest) { return Half{static_cast<uint16_t>(sign | rest)}; };
  if (std::isnan(value)) return make(0x7e00);
  if (magnitude >= 65520.0F) return make(0x7c00);
  // Below the smallest normal half, one unit is 2^−24.
  if (magnitude < 0x1p-14F) return make(static_cast<uint32_t>(std::nearbyint(magnitude * 0x1p24F)));
  const uint32_t unsigned_bits = bits & 0x7fffffff;
  const uint32_t rounded = unsigned_bits + 0xfff + ((unsigned_bits >> 13) & 1);
  return make((rounded >> 13) - (112u << 10));
}

Bf16 to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return Bf16{static_cast<uint16_t>((bits >> 16) | 0x40)};
  return Bf16{static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

void floats_from_big_endian(const char* bytes, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = std::bit_cast<float>(get_big<uint32_t>(bytes + i * sizeof(float)));
}

}  // namespace sagitta::simd
