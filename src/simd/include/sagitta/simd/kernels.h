/// The arithmetic under every vector search: distances between rows of numbers, at the best
/// instruction level of this machine. The level is chosen once, when the process first asks; tests
/// force each by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sagitta::simd {

/// A bfloat16: the upper half of a float.
enum class Bf16 : uint16_t {};
/// An IEEE half.
enum class Half : uint16_t {};

float to_float(Half half);
/// Rounds to nearest, ties to even; overflow gives infinity.
Half to_half(float value);
inline float to_float(Bf16 value) { return __builtin_bit_cast(float, static_cast<uint32_t>(value) << 16); }
/// Rounds to nearest, ties to even.
Bf16 to_bf16(float value);

/// A query against a block of sketches. A sketch is 64 bits and two numbers; the block is 8 rows of
/// `lanes` bytes (row r holds bits 8r … 8r + 7 of each sketch), then `lanes` offsets, then `lanes`
/// scales. The sum of a sketch is over the table entries that its half bytes select; its estimate
/// is offset_factor × offset − scale_factor × scale × (sum + bias).
struct SketchQuery {
  static constexpr size_t kRows = 8, kEntries = 16;
  /// For each row: the table of the lower half bytes, then that of the upper ones.
  alignas(64) uint8_t tables[kRows * 2 * kEntries] = {};
  float offset_factor = 0, scale_factor = 0, bias = 0, limit = 0;
};

/// CodeFactors belong to a code, EstimateTerms to a query. Together they turn a sum of dots_* into
/// an estimate of a distance.
struct CodeFactors {
  float scale = 0;
  float squared_length = 0;
};
struct EstimateTerms {
  float norm_factor = 1, dot_factor = 0, offset = 0, constant = 0;
};

/// One implementation of all kernels. No kernel needs alignment. None reads past `count` elements,
/// except keep_near (see there). Float sums run in several lanes, so levels agree up to rounding
/// only; the integer kernels (i8, u2, u4, u8, b1) agree exactly.
///
/// Thread-safe: pure functions.
struct Kernels {
  std::string_view name;  ///< "scalar", "avx2", "avx512", "avx512vnni", "avx512vpopcntdq", "avx512bf16"
  float (*dot_f32)(const float* a, const float* b, size_t count);
  /// The squared Euclidean distance.
  float (*l2_f32)(const float* a, const float* b, size_t count);
  float (*dot_f16)(const Half* a, const Half* b, size_t count);
  float (*l2_f16)(const Half* a, const Half* b, size_t count);
  /// May treat denormals as zero.
  float (*dot_bf16)(const Bf16* a, const Bf16* b, size_t count);
  float (*l2_bf16)(const Bf16* a, const Bf16* b, size_t count);
  /// |sum| stays in 32 bits for count < 2^17.
  int32_t (*dot_i8)(const int8_t* a, const int8_t* b, size_t count);
  int32_t (*l2_i8)(const int8_t* a, const int8_t* b, size_t count);
  /// sums[i] = Σ_j u_i[j] · query[j] for `count` codes u_i of unsigned numbers and a query of
  /// signed ones. A block is 64 bytes. In dots_u2 it holds 256 numbers (byte j: numbers j, 64 + j,
  /// 128 + j and 192 + j, from its lowest bits up), in dots_u4 128 numbers (j and 64 + j), in
  /// dots_u8 64. Codes and query are `blocks` whole blocks; query values are −127 … 127.
  void (*dots_u2)(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums);
  void (*dots_u4)(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums);
  void (*dots_u8)(const uint8_t* const* codes, size_t count, const int8_t* query, size_t blocks, int32_t* sums);
  /// estimates[i] = norm_factor × squared_length_i − dot_factor × scale_i × (sums[i] − offset) +
  /// constant, clamped to the finite floats; NaN becomes the largest float.
  void (*estimates)(const EstimateTerms& terms, const int32_t* sums, const CodeFactors* factors, size_t count,
                    float* estimates);
  /// Keeps, in order, the items whose sketch estimates less than query.limit or NaN; returns how
  /// many. `lanes` is a multiple of 16 and ≥ `count`. The whole block, 12 × lanes bytes, may be
  /// read.
  size_t (*keep_near)(const SketchQuery& query, const uint8_t* block, size_t lanes, uint32_t* items, size_t count);
  /// The Walsh–Hadamard transform of 2^log2 floats, in place, scaled by 2^(−log2/2) so that lengths
  /// are kept; log2 ≤ 14.
  void (*hadamard)(float* values, uint32_t log2);
  /// Σ values[i]², in double: finite if and only if all values are, and 0 if and only if all values
  /// are.
  double (*squares_f64)(const float* values, size_t count);
  /// The largest magnitude; NaN when a value is NaN.
  float (*largest_f32)(const float* values, size_t count);
  /// out[i] = values[i] × scale, rounded to the nearest integer; returns their sum. Requires
  /// products within −127 … 127.
  int32_t (*quantise_i8)(const float* values, size_t count, float scale, int8_t* out);
  /// Inserts `key` into `count` ascending keys, before the first that is not less; writes up to
  /// keys[count]. Returns its index.
  size_t (*insert_u64)(uint64_t* keys, size_t count, uint64_t key);
  /// The number of different bits in `count` bytes.
  uint32_t (*hamming_b1)(const uint8_t* a, const uint8_t* b, size_t count);
};

/// The best level of this machine, or the level that the environment variable SAGITTA_SIMD names if
/// this machine has it.
const Kernels& kernels();
/// The level of that name; null when there is none or this machine cannot run it.
const Kernels* kernels_named(std::string_view name);
/// Every level this machine can run, scalar first.
std::vector<const Kernels*> all_kernels();

/// Converts `out.size()` big-endian floats, CQL's form of vectors; `bytes` must hold that many.
void floats_from_big_endian(const char* bytes, std::span<float> out);

}  // namespace sagitta::simd
