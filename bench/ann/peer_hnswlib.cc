#include "peer.h"

#ifdef SAGITTA_BENCH_HNSWLIB

#include <hnswlib/hnswlib.h>

#include <cmath>

#include "sagitta/bench/dataset.h"

namespace sagitta::bench {
namespace {

constexpr size_t kConnections = 16;
constexpr size_t kExpansionAdd = 200;

class HnswlibPeer final : public Peer {
 public:
  HnswlibPeer(ann::Metric metric, uint32_t dim) : metric_(metric) {
    if (metric == ann::Metric::kL2) {
      space_ = std::make_unique<hnswlib::L2Space>(dim);
    } else {
      space_ = std::make_unique<hnswlib::InnerProductSpace>(dim);
    }
  }

  Status build(Floats base, unsigned threads) override {
    graph_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), base.count, kConnections, kExpansionAdd);
    parallel_for(base.count, threads, [&](size_t begin, size_t end) {
      std::vector<float> stored;
      for (size_t i = begin; i < end; ++i) graph_->addPoint(as_stored(base.row(i), stored), i);
    });
    return {};
  }

  size_t search(std::span<const float> query, uint32_t beam, std::span<uint32_t> ids) override {
    graph_->setEf(std::max<size_t>(beam, ids.size()));
    auto found = graph_->searchKnn(as_stored(query, query_), ids.size());
    const size_t count = found.size();
    for (size_t i = count; i > 0; --i, found.pop()) ids[i - 1] = static_cast<uint32_t>(found.top().second);
    return count;
  }

 private:
  /// hnswlib has no cosine: it is the inner product of unit vectors.
  const float* as_stored(std::span<const float> vector, std::vector<float>& unit) const {
    if (metric_ != ann::Metric::kCosine) return vector.data();
    float squares = 0;
    for (const float value : vector) squares += value * value;
    unit.resize(vector.size());
    for (size_t i = 0; i < vector.size(); ++i) unit[i] = vector[i] / std::sqrt(squares);
    return unit.data();
  }

  const ann::Metric metric_;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph_;
  std::vector<float> query_;
};

}  // namespace

std::unique_ptr<Peer> make_hnswlib(ann::Metric metric, uint32_t dim) {
  return std::make_unique<HnswlibPeer>(metric, dim);
}

}  // namespace sagitta::bench

#else

namespace sagitta::bench {
std::unique_ptr<Peer> make_hnswlib(ann::Metric, uint32_t) { return nullptr; }
}  // namespace sagitta::bench

#endif
