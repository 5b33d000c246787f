// Encoding: the rotation, the grid and its factors; and the estimates made from codes.
#include "codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

constexpr size_t kBlockBytes = 64;
constexpr uint32_t kRounds = 2;
/// Codes whose dot products are computed together.
constexpr size_t kBatch = 64;
/// The step of the best uniform grid of 4 and of 16 points for a Gaussian of deviation 1 (Max,
/// 1960).
constexpr float kGaussianStep2 = 0.9957F, kGaussianStep4 = 0.3352F;
constexpr float kQueryMax = 127;
/// Smaller magnitudes count as zero: their inverse is not finite.
constexpr float kQueryMin = 1e-36F;
/// Vectors longer than this many median lengths do not count for the centre: a few of them could
/// move it far from the rest.
constexpr double kUsualLengths = 4;
/// Lengths are the same if fewer than 1 in kOfOtherLength differs from the median by more than
/// this.
constexpr double kSameLength = 0.01;
constexpr size_t kOfOtherLength = 16;
/// In the codec's unit, where lengths are near 1.
constexpr float kFactorMax = 1e18F;
constexpr float kLargest = std::numeric_limits<float>::max();
/// Seeds the rotation. Part of the snapshot format: never change it.
constexpr uint64_t kRotationSeed = 0x5a91774a;

uint32_t block_numbers(CodeBits bits) { return static_cast<uint32_t>(kBlockBytes * 8) / static_cast<uint32_t>(bits); }
uint32_t blocks_of(uint32_t dim, CodeBits bits) { return (dim + block_numbers(bits) - 1) / block_numbers(bits); }
/// The length of a vector when it fills its code.
uint32_t padded_to(uint32_t dim, CodeBits bits) { return blocks_of(dim, bits) * block_numbers(bits); }

float dot(const simd::Kernels& kernels, std::span<const float> a, std::span<const float> b) {
  return kernels.dot_f32(a.data(), b.data(), a.size());
}

std::vector<double> lengths_of(std::span<const float> sample, uint32_t dim) {
  SAGITTA_ASSERT(!sample.empty() && sample.size() % dim == 0);
  std::vector<double> lengths(sample.size() / dim);
  for (size_t row = 0; row < lengths.size(); ++row) {
    double squares = 0;
    for (float v : sample.subspan(row * dim, dim)) squares += double{v} * double{v};
    lengths[row] = std::sqrt(squares);
  }
  return lengths;
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Fewer than kOfOtherLength vectors decide nothing. By product is the safe choice: it costs hardly
/// anything for vectors of one length, while by distance loses a third of the answers for others.
Neighbours neighbours_of(Metric metric, std::span<const float> sample, uint32_t dim) {
  if (metric != Metric::kDot) return Neighbours::kByDistance;
  const std::vector<double> lengths = lengths_of(sample, dim);
  const double usual = median_of(lengths);
  const auto others =
      std::ranges::count_if(lengths, [&](double length) { return std::fabs(length - usual) > kSameLength * usual; });
  const bool same = lengths.size() >= kOfOtherLength && static_cast<size_t>(others) < lengths.size() / kOfOtherLength;
  return same ? Neighbours::kByDistance : Neighbours::kByProduct;
}

/// The power of two that scales vectors like these to a length near 1.
float unit_of(std::span<const float> sample, uint32_t dim) {
  const double length = median_of(lengths_of(sample, dim));
  if (!(length > 0)) return 1;
  return static_cast<float>(std::exp2(std::clamp(-std::round(std::log2(length)), -126.0, 126.0)));
}

/// Decodes a block into numbers around 0, in half steps of the grid; at 8 bits in whole steps, with
/// −128 clamped to −127. Returns their sum. The loops have a constant length and nothing overlaps,
/// so the compiler vectorises them.
template <uint32_t kBits>
int32_t centre_block(const uint8_t* __restrict code, int8_t* __restrict values) {
  constexpr int kTop = (1 << kBits) - 1;
  for (uint32_t shift = 0; shift < 8; shift += kBits) {
    for (size_t i = 0; i < kBlockBytes; ++i) {
      const int cell = code[i] >> shift & kTop;
      values[i + kBlockBytes * (shift / kBits)] =
          static_cast<int8_t>(kBits == 8 ? std::max(cell - 128, -127) : 2 * cell - kTop);
    }
  }
  int32_t sum = 0;
  for (size_t i = 0; i < kBlockBytes * (8 / kBits); ++i) sum += values[i];
  return sum;
}

/// Takes everything by value and without overlap, so that the compiler vectorises the loops.
void scale_and_shift(const float* __restrict in, float scale, const float* __restrict less, float* __restrict out,
                     size_t count) {
  if (less == nullptr) {
    for (size_t i = 0; i < count; ++i) out[i] = in[i] * scale;
  } else {
    for (size_t i = 0; i < count; ++i) out[i] = in[i] * scale - less[i];
  }
}

}  // namespace

Codec::Codec(Metric metric, uint32_t dim, CodeBits bits, float unit, std::vector<float> centre, Neighbours neighbours)
    : kernels_(simd::kernels()),
      metric_(metric),
      bits_(bits),
      dim_(dim),
      blocks_(blocks_of(dim, bits)),
      padded_(padded_to(dim, bits)),
      fine_blocks_(blocks_of(padded_, kFineBits)),
      hadamard_log2_(static_cast<uint32_t>(std::bit_width(padded_)) - 1),
      unit_(unit),
      centre_(std::move(centre)),
      neighbours_(neighbours),
      signs_(size_t{padded_} * kRounds) {
  SAGITTA_ASSERT(centre_.size() == dim);
  std::mt19937_64 random(kRotationSeed);
  for (float& sign : signs_) sign = (random() >> 63) != 0 ? 1.0F : -1.0F;
}

Codec::Codec(Metric metric, uint32_t dim, CodeBits bits, std::span<const float> sample)
    : Codec(metric, dim, bits, metric == Metric::kCosine ? 1 : unit_of(sample, dim), std::vector<float>(dim),
            neighbours_of(metric, sample, dim)) {
  const std::vector<double> lengths = lengths_of(sample, dim);
  const double usual = median_of(lengths) * kUsualLengths;
  std::vector<double> sums(dim);
  size_t rows = 0;
  for (size_t row = 0; row < lengths.size(); ++row) {
    if (lengths[row] > usual) continue;
    ++rows;
    for (uint32_t i = 0; i < dim; ++i) sums[i] += double{sample[row * dim + i]} * double{unit_};
  }
  for (uint32_t i = 0; i < dim; ++i) centre_[i] = static_cast<float>(sums[i] / static_cast<double>(rows));
}

size_t Codec::code_bytes(uint32_t dim, CodeBits bits) { return size_t{blocks_of(dim, bits)} * kBlockBytes; }

size_t Codec::fine_bytes(uint32_t dim, CodeBits bits) {
  return code_bytes(padded_to(dim, bits), kFineBits) + sizeof(float);
}

// Each round flips signs and transforms the longest power-of-two prefix, then, if that is not all,
// an equally long suffix. Each step is orthogonal, and two rounds mix every dimension with every
// other.
void Codec::rotate(std::span<const float> stored, bool centred, std::vector<float>& out) const {
  SAGITTA_ASSERT(stored.size() == dim_);
  out.assign(padded_, 0);
  scale_and_shift(stored.data(), unit_, centred ? centre_.data() : nullptr, out.data(), dim_);
  const uint32_t part = 1U << hadamard_log2_;
  for (uint32_t round = 0; round < kRounds; ++round) {
    const float* signs = signs_.data() + size_t{round} * padded_;
    for (uint32_t i = 0; i < padded_; ++i) out[i] *= signs[i];
    kernels_.hadamard(out.data(), hadamard_log2_);
    if (part < padded_) kernels_.hadamard(out.data() + (padded_ - part), hadamard_log2_);
  }
}

// Rounds `values` to the nearest points of a grid fitted to them; writes the points, as numbers
// around 0 in grid steps, and the code. Returns Σ valueᵢ·pointᵢ; `squared` is Σ valueᵢ².
float Codec::round(CodeBits bits, std::span<const float> values, float squared, std::span<float> points,
                   uint8_t* code) const {
  const float largest = kernels_.largest_f32(values.data(), padded_);
  const float deviation = std::sqrt(squared / static_cast<float>(padded_));
  float step = largest / middle(bits);
  if (bits != CodeBits::k8) step = std::min(step, (bits == CodeBits::k4 ? kGaussianStep4 : kGaussianStep2) * deviation);
  if (!(step > 0) || !std::isfinite(step)) step = 1;
  const float inverse = 1 / step;
  float along = 0;
  for (uint32_t i = 0; i < padded_; ++i) {
    const float cell = std::max(0.0F, std::min(top(bits), std::floor(values[i] * inverse + middle(bits) + 0.5F)));
    points[i] = cell - middle(bits);
    along += points[i] * values[i];
  }
  const auto width = static_cast<uint32_t>(bits);
  for (uint32_t i = 0; i < padded_ * width / 8; ++i) {
    const float* point = points.data() + i / kBlockBytes * block_numbers(bits) + i % kBlockBytes;
    uint32_t byte = 0;
    for (uint32_t shift = 0; shift < 8; shift += width, point += kBlockBytes)
      byte |= static_cast<uint32_t>(*point + middle(bits)) << shift;
    code[i] = static_cast<uint8_t>(byte);
  }
  return along;
}

// With x the vector, c its points and s its scale, ⟨q, x⟩ ≈ s·⟨q, c⟩. The rest is ⟨q, x − s·c⟩,
// which the points and the scale of the residual x − s·c estimate in the same way.
Codec::Factors Codec::encode(std::span<const float> stored, uint8_t* code, uint8_t* fine,
                             std::vector<float>& scratch) const {
  rotate(stored, true, scratch);
  scratch.resize(size_t{2} * padded_);
  const std::span<float> values(scratch.data(), padded_), points(values.data() + padded_, padded_);
  const float squared = dot(kernels_, values, values), along = round(bits_, values, squared, points, code);
  const Factors factors{.scale = along > 0 ? std::min(squared / along, kFactorMax) : 0,
                        .squared_length = std::min(squared, kFactorMax)};
  if (fine == nullptr) return factors;
  for (uint32_t i = 0; i < padded_; ++i) values[i] -= factors.scale * points[i];
  const float rest = dot(kernels_, values, values), rest_along = round(kFineBits, values, rest, points, fine);
  const float scale = rest_along > 0 && rest <= kFactorMax ? std::min(rest / rest_along, kFactorMax) : 0;
  std::memcpy(fine + size_t{fine_blocks_} * kBlockBytes, &scale, sizeof scale);
  return factors;
}

// Returns the size of one step.
float Codec::quantise_query(Query& out) const {
  const float largest = kernels_.largest_f32(out.rotated.data(), padded_);
  const float inverse = largest > kQueryMin && largest <= kLargest ? kQueryMax / largest : 0;
  out.values.resize(padded_);
  if (inverse == 0) out.rotated.assign(padded_, 0);
  out.offset =
      middle(bits_) * static_cast<float>(kernels_.quantise_i8(out.rotated.data(), padded_, inverse, out.values.data()));
  return inverse > 0 ? largest / kQueryMax : 0;
}

void Codec::prepare(std::span<const float> stored, Query& out) const {
  if (metric_ == Metric::kDot) {
    rotate(stored, false, out.rotated);
    const float scale = 1 / (unit_ * unit_);
    out.dot_factor = std::min(quantise_query(out) * scale, kLargest);
    out.norm_factor = 0;
    out.constant = -std::inner_product(centre_.begin(), centre_.end(), stored.begin(), 0.0F) / unit_;
    return;
  }
  prepare_geometry(stored, out);
  // Half the squared distance of unit vectors is 1 − cos; other squared distances go back to the
  // caller's unit.
  const float factor = metric_ == Metric::kCosine ? 0.5F : 1 / (unit_ * unit_);
  out.norm_factor = std::min(out.norm_factor * factor, kLargest);
  out.dot_factor = std::min(out.dot_factor * factor, kLargest);
  out.least = metric_ == Metric::kCosine ? -1.0F : 0.0F;
  out.constant = std::min(out.constant * factor, kLargest) + out.least;
}

void Codec::prepare_geometry(std::span<const float> stored, Query& out) const {
  rotate(stored, true, out.rotated);
  out.dot_factor = 2 * quantise_query(out);
  out.norm_factor = own_length();
  out.least = 0;
  out.constant = own_length() * std::min(dot(kernels_, out.rotated, out.rotated), kFactorMax);
}

// Returns the sum of the values.
int32_t Codec::read_code(const uint8_t* code, std::vector<int8_t>& values) const {
  values.resize(padded_);
  const auto centre = bits_ == CodeBits::k2   ? centre_block<2>
                      : bits_ == CodeBits::k4 ? centre_block<4>
                                              : centre_block<8>;
  int32_t sum = 0;
  for (uint32_t block = 0; block < blocks_; ++block)
    sum += centre(code + size_t{block} * kBlockBytes, values.data() + size_t{block} * block_numbers(bits_));
  return sum;
}

void Codec::prepare_stored(const uint8_t* code, const Factors& factors, Query& out) const {
  out.offset = middle(bits_) * static_cast<float>(read_code(code, out.values));
  out.dot_factor = 2 * value_step() * factors.scale;
  out.norm_factor = own_length();
  out.least = 0;
  out.constant = own_length() * factors.squared_length;
}

void Codec::place_code(const uint8_t* code, const Factors& factors, std::vector<float>& out) const {
  std::vector<int8_t> values;
  read_code(code, values);
  out.resize(padded_);
  const float step = value_step() * factors.scale;
  for (uint32_t i = 0; i < padded_; ++i) out[i] = step * static_cast<float>(values[i]);
}

void Codec::estimate(const Query& query, const uint8_t* const* codes, const Factors* const* factors, size_t count,
                     float* out) const {
  SAGITTA_ASSERT(query.values.size() == padded_);
  int32_t sums[kBatch];
  Factors side_by_side[kBatch];
  const simd::EstimateTerms terms{query.norm_factor, query.dot_factor, query.offset, query.constant};
  for (size_t begin = 0; begin < count; begin += kBatch) {
    const size_t n = std::min(kBatch, count - begin);
    dots(bits_)(codes + begin, n, query.values.data(), blocks_, sums);
    for (size_t i = 0; i < n; ++i) side_by_side[i] = *factors[begin + i];
    kernels_.estimates(terms, sums, side_by_side, n, out + begin);
  }
}

void Codec::refine(const Query& query, const uint8_t* const* fine, size_t count, float* estimates) const {
  SAGITTA_ASSERT(query.values.size() == padded_);
  int32_t sums[kBatch];
  const float offset = query.offset * (middle(kFineBits) / middle(bits_));
  for (size_t begin = 0; begin < count; begin += kBatch) {
    const size_t n = std::min(kBatch, count - begin);
    dots(kFineBits)(fine + begin, n, query.values.data(), fine_blocks_, sums);
    for (size_t i = 0; i < n; ++i) {
      float scale;
      std::memcpy(&scale, fine[begin + i] + size_t{fine_blocks_} * kBlockBytes, sizeof scale);
      const float better = estimates[begin + i] - query.dot_factor * scale * (static_cast<float>(sums[i]) - offset);
      if (std::fabs(better) <= kLargest) estimates[begin + i] = better;
    }
  }
}

}  // namespace sagitta::ann
