#include "peer.h"

#ifdef SAGITTA_BENCH_USEARCH

// USearch calls its kernels (NumKong) through a table that takes minutes to compile; these are the
// same kernels, chosen when this file is compiled for the machine at hand.
#define USEARCH_USE_NUMKONG 0
#define NK_NATIVE_BF16 0  // GCC 12 has instructions for bfloat16, but no __bf16
#include <numkong/dot.h>
#include <numkong/spatial.h>

#include <atomic>
#include <thread>
#include <usearch/index_dense.hpp>

namespace sagitta::bench {
namespace {

namespace usearch = unum::usearch;

constexpr size_t kConnections = 16;
constexpr size_t kExpansionAdd = 200;

usearch::distance_punned_t l2(std::uintptr_t a, std::uintptr_t b, std::uintptr_t dim) {
  double distance = 0;
  nk_sqeuclidean_f32(reinterpret_cast<const float*>(a), reinterpret_cast<const float*>(b), dim, &distance);
  return static_cast<float>(distance);
}

usearch::distance_punned_t cosine(std::uintptr_t a, std::uintptr_t b, std::uintptr_t dim) {
  double distance = 0;
  nk_angular_f32(reinterpret_cast<const float*>(a), reinterpret_cast<const float*>(b), dim, &distance);
  return static_cast<float>(distance);
}

usearch::distance_punned_t dot(std::uintptr_t a, std::uintptr_t b, std::uintptr_t dim) {
  double product = 0;
  nk_dot_f32(reinterpret_cast<const float*>(a), reinterpret_cast<const float*>(b), dim, &product);
  return static_cast<float>(1 - product);
}

usearch::metric_punned_t usearch_metric(ann::Metric metric, uint32_t dim) {
  using Kind = usearch::metric_kind_t;
  const auto kernel = metric == ann::Metric::kL2 ? l2 : metric == ann::Metric::kCosine ? cosine : dot;
  const Kind kind = metric == ann::Metric::kL2       ? Kind::l2sq_k
                    : metric == ann::Metric::kCosine ? Kind::cos_k
                                                     : Kind::ip_k;
  return usearch::metric_punned_t::stateless(dim, reinterpret_cast<std::uintptr_t>(kernel),
                                             usearch::metric_punned_signature_t::array_array_size_k, kind,
                                             usearch::scalar_kind_t::f32_k);
}

class UsearchPeer final : public Peer {
 public:
  UsearchPeer(ann::Metric metric, uint32_t dim) : metric_(usearch_metric(metric, dim)) {}

  Status build(Floats base, unsigned threads) override {
    auto made = usearch::index_dense_t::make(metric_, usearch::index_dense_config_t(kConnections, kExpansionAdd));
    if (!made) return fail(ErrorCode::kServer, "usearch cannot make an index");
    index_ = std::move(made.index);
    if (!index_.try_reserve(usearch::index_limits_t(base.count, threads))) {
      return fail(ErrorCode::kServer, "usearch cannot reserve memory");
    }
    std::atomic<size_t> next{0};
    std::atomic<bool> refused{false};
    const auto work = [&](size_t thread) {
      for (size_t i = next.fetch_add(1); i < base.count; i = next.fetch_add(1)) {
        auto added = index_.add(i, base.row(i).data(), thread);
        if (!added) refused = true;
        added.error.release();
      }
    };
    {
      std::vector<std::jthread> helpers;
      for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work, i);
      work(0);
    }
    if (refused) return fail(ErrorCode::kServer, "usearch refused a row");
    return {};
  }

  size_t search(std::span<const float> query, uint32_t beam, std::span<uint32_t> ids) override {
    index_.change_expansion_search(beam);
    const auto found = index_.search(query.data(), ids.size(), 0);
    const size_t count = std::min(found.size(), ids.size());
    for (size_t i = 0; i < count; ++i) ids[i] = static_cast<uint32_t>(found[i].member.key);
    return count;
  }

 private:
  const usearch::metric_punned_t metric_;
  usearch::index_dense_t index_;
};

}  // namespace

std::unique_ptr<Peer> make_usearch(ann::Metric metric, uint32_t dim) {
  return std::make_unique<UsearchPeer>(metric, dim);
}

}  // namespace sagitta::bench

#else

namespace sagitta::bench {
std::unique_ptr<Peer> make_usearch(ann::Metric, uint32_t) { return nullptr; }
}  // namespace sagitta::bench

#endif
