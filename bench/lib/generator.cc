/// The recipes of the synthetic sets.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

#include "sagitta/bench/dataset.h"
#include "sagitta/simd/kernels.h"

namespace sagitta::bench {
namespace {

/// Numbers that depend on the seed and the stream only, the same on every machine and thread.
class Draw {
 public:
  Draw(uint64_t seed, uint64_t stream) : state_(seed + stream * 0x9e3779b97f4a7c15ULL) { next(); }

  /// SplitMix64.
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
  /// Standard normal, two at a time by Box and Muller.
  float normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const auto u = (static_cast<float>(next() >> 40) + 0.5F) * 0x1p-24F;
    const float angle = static_cast<float>(next() >> 40) * (0x1p-23F * std::numbers::pi_v<float>);
    const float radius = std::sqrt(-2 * std::log(u));
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  uint64_t state_;
  float spare_ = 0;
  bool has_spare_ = false;
};

/// Streams of the seed below those of rows.
constexpr uint64_t kTurnStream = 1;
constexpr uint64_t kCentreStream = uint64_t{1} << 42;
constexpr uint64_t kMovedStream = uint64_t{2} << 42;
constexpr uint64_t kSubTopicStream = uint64_t{3} << 42;
constexpr uint64_t kRowStream = uint64_t{1} << 44;
constexpr uint64_t kCopyStream = uint64_t{2} << 44;
constexpr uint64_t kLengthStream = uint64_t{3} << 44;

std::vector<float> normals(uint64_t seed, uint64_t stream, size_t count) {
  Draw draw(seed, stream);
  std::vector<float> out(count);
  for (float& value : out) value = draw.normal();
  return out;
}

/// A centre on its way to another: the spread of all centres stays.
float between(float here, float there, float moved) { return std::sqrt(1 - moved * moved) * here + moved * there; }

class Clustered128 final : public Generator {
 public:
  explicit Clustered128(uint64_t seed)
      : seed_(seed),
        map_(normals(seed, kTurnStream, size_t{kDim} * kLatent)),
        centres_(normals(seed, kCentreStream, size_t{kClusters} * kLatent)),
        moved_centres_(normals(seed, kMovedStream, size_t{kClusters} * kLatent)) {}

  ann::Metric metric() const override { return ann::Metric::kL2; }
  uint32_t dim() const override { return kDim; }
  void row(uint64_t at, std::span<float> out) const override { moved_row(at, 0, out); }

  void moved_row(uint64_t at, float moved, std::span<float> out) const override {
    Draw draw(seed_, kRowStream + at);
    const size_t cluster = draw.below(kClusters) * kLatent;
    std::array<float, kLatent> latent;
    for (size_t i = 0; i < kLatent; ++i) {
      latent[i] = between(centres_[cluster + i], moved_centres_[cluster + i], moved) + kSpread * draw.normal();
    }
    for (size_t i = 0; i < kDim; ++i) {
      const float lifted = simd::kernels().dot_f32(map_.data() + i * kLatent, latent.data(), kLatent);
      out[i] = kScale * lifted + kNoise * draw.normal();
    }
  }

 private:
  static constexpr uint32_t kDim = 128;
  static constexpr size_t kLatent = 24;
  static constexpr size_t kClusters = 2000;
  static constexpr float kScale = 0.0883883F;  ///< 1 / sqrt(kDim): the map keeps lengths, about
  // These two make the local intrinsic dimension of 500,000 rows about 20, half of a row's
  // neighbours its cluster's.
  static constexpr float kSpread = 0.8F;  ///< of a cluster in each latent dimension, where centres have 1
  static constexpr float kNoise = 0.16F;  ///< in each of the 128 dimensions, where the map keeps lengths

  const uint64_t seed_;
  const std::vector<float> map_, centres_, moved_centres_;
};

class Embed768 final : public Generator {
 public:
  explicit Embed768(uint64_t seed) : seed_(seed), spectrum_(kDim), order_(kDim), signs_(size_t{kDim} * kTurns) {
    for (size_t i = 0; i < kDim; ++i) spectrum_[i] = std::pow(static_cast<float>(i + 1), -kDecay);
    Draw draw(seed, kTurnStream);
    std::iota(order_.begin(), order_.end(), 0U);
    for (size_t i = kDim - 1; i > 0; --i) std::swap(order_[i], order_[draw.below(i + 1)]);
    for (float& sign : signs_) sign = draw.below(2) == 0 ? -1.0F : 1.0F;
    topics_ = centres(kCentreStream, kTopics);
    moved_topics_ = centres(kMovedStream, kTopics);
    sub_topics_ = centres(kSubTopicStream, kTopics * kSubTopics);
  }

  ann::Metric metric() const override { return ann::Metric::kCosine; }
  uint32_t dim() const override { return kDim; }
  void row(uint64_t at, std::span<float> out) const override { moved_row(at, 0, out); }

  void moved_row(uint64_t at, float moved, std::span<float> out) const override {
    Draw draw(seed_, kRowStream + at);
    const size_t sub_topic = draw.below(kTopics * kSubTopics);
    const float* topic = topics_.data() + sub_topic / kSubTopics * kDim;
    const float* moved_topic = moved_topics_.data() + sub_topic / kSubTopics * kDim;
    const float* sub = sub_topics_.data() + sub_topic * kDim;
    for (size_t i = 0; i < kDim; ++i) {
      out[i] = between(topic[i], moved_topic[i], moved) + kSubTopicSpread * sub[i] +
               kOwnSpread * spectrum_[i] * draw.normal();
    }
    turn(out);
  }

 private:
  static constexpr uint32_t kDim = 768;
  static constexpr size_t kTopics = 200;
  static constexpr size_t kSubTopics = 20;  ///< in each topic
  static constexpr float kDecay = 0.5F;     ///< the n-th strongest direction has a standard deviation of n^-kDecay
  // With kDecay, these make the local intrinsic dimension of 200,000 rows about 31. Topics have a
  // spread of 1.
  static constexpr float kSubTopicSpread = 0.5F;
  static constexpr float kOwnSpread = 1.5F;
  static constexpr size_t kTurns = 3;
  static constexpr size_t kBlockLog2 = 8;
  static constexpr size_t kBlock = size_t{1} << kBlockLog2;

  std::vector<float> centres(uint64_t stream, size_t count) const {
    std::vector<float> out = normals(seed_, stream, count * kDim);
    for (size_t i = 0; i < out.size(); ++i) out[i] *= spectrum_[i % kDim];
    return out;
  }

  /// Unit length, and an orthogonal map: signs, Hadamard by blocks and a permutation, several
  /// times.
  void turn(std::span<float> vector) const {
    std::array<float, kDim> next;
    for (size_t round = 0; round < kTurns; ++round) {
      for (size_t i = 0; i < kDim; ++i) next[order_[i]] = vector[i] * signs_[round * kDim + i];
      for (size_t begin = 0; begin < kDim; begin += kBlock) simd::kernels().hadamard(next.data() + begin, kBlockLog2);
      std::ranges::copy(next, vector.begin());
    }
    const float length = std::sqrt(simd::kernels().dot_f32(vector.data(), vector.data(), kDim));
    for (float& value : vector) value /= length;
  }

  const uint64_t seed_;
  std::vector<float> spectrum_;
  std::vector<uint32_t> order_;
  std::vector<float> signs_;
  std::vector<float> topics_, moved_topics_, sub_topics_;
};

/// Every third row is one of a few vectors.
class Copies final : public Generator {
 public:
  explicit Copies(uint64_t seed) : seed_(seed), vectors_(seed) {}

  ann::Metric metric() const override { return vectors_.metric(); }
  uint32_t dim() const override { return vectors_.dim(); }
  void row(uint64_t at, std::span<float> out) const override { moved_row(at, 0, out); }
  void moved_row(uint64_t at, float moved, std::span<float> out) const override {
    const bool is_copy = at % kEvery == kEvery - 1;
    vectors_.moved_row(is_copy ? kSharedRows + Draw(seed_, kCopyStream + at).below(kShared) : at, moved, out);
  }

 private:
  static constexpr uint64_t kEvery = 3, kShared = 40;
  static constexpr uint64_t kSharedRows = uint64_t{1} << 39;  ///< no row or query of a set comes so far

  const uint64_t seed_;
  const Embed768 vectors_;
};

/// Vectors that differ in length as much as in direction.
class Lengths final : public Generator {
 public:
  explicit Lengths(uint64_t seed) : seed_(seed), directions_(seed) {}

  ann::Metric metric() const override { return ann::Metric::kDot; }
  uint32_t dim() const override { return directions_.dim(); }
  void row(uint64_t at, std::span<float> out) const override { moved_row(at, 0, out); }
  void moved_row(uint64_t at, float moved, std::span<float> out) const override {
    directions_.moved_row(at, moved, out);
    const float length = std::exp(kSpread * Draw(seed_, kLengthStream + at).normal());
    for (float& value : out) value *= length;
  }

 private:
  static constexpr float kSpread = 0.4F;  ///< standard deviation of the logarithm

  const uint64_t seed_;
  const Embed768 directions_;
};

}  // namespace

Matrix Generator::rows(uint64_t begin, size_t count, unsigned threads, float moved) const {
  Matrix out{std::vector<float>(count * dim()), dim()};
  parallel_for(count, threads, [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) moved_row(begin + i, moved, {out.values.data() + i * dim(), dim()});
  });
  return out;
}

Result<std::unique_ptr<Generator>> make_generator(std::string_view name, uint64_t seed) {
  if (name == "clustered128") return std::make_unique<Clustered128>(seed);
  if (name == "embed768") return std::make_unique<Embed768>(seed);
  if (name == "copies") return std::make_unique<Copies>(seed);
  if (name == "lengths") return std::make_unique<Lengths>(seed);
  return fail(ErrorCode::kInvalid,
              fmt::format("no set '{}'; there are clustered128, embed768, copies and lengths", name));
}

}  // namespace sagitta::bench
