#include "sagitta/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sagitta/base/assert.h"

namespace sagitta::load {
namespace {

constexpr unsigned kExactBits = 11;
constexpr uint64_t kExact = uint64_t{1} << kExactBits;
constexpr uint64_t kPerDoubling = kExact / 2;

}  // namespace

// A value of more than 11 bits keeps its highest 11; the number of those dropped chooses the
// doubling.
size_t Histogram::bucket_of(uint64_t ns) {
  const auto bits = static_cast<unsigned>(std::bit_width(ns));
  if (bits <= kExactBits) return ns;
  const unsigned dropped = bits - kExactBits;
  return kExact + (dropped - 1) * kPerDoubling + ((ns >> dropped) - kPerDoubling);
}

uint64_t Histogram::highest_in(size_t bucket) {
  if (bucket < kExact) return bucket;
  const size_t above = bucket - kExact;
  const auto dropped = static_cast<unsigned>(above / kPerDoubling) + 1;
  return ((above % kPerDoubling + kPerDoubling + 1) << dropped) - 1;
}

Histogram::Histogram() : counts_(bucket_of(kMaxNs) + 1) {}

void Histogram::add(uint64_t ns) {
  ns = std::min(ns, kMaxNs);
  ++counts_[bucket_of(ns)];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

uint64_t Histogram::percentile_ns(double part) const {
  SAGITTA_ASSERT(part >= 0 && part <= 1);
  const auto wanted = std::max(uint64_t{1}, static_cast<uint64_t>(std::ceil(part * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size() && count_ > 0; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(highest_in(i), max_ns_);
  }
  return 0;
}

}  // namespace sagitta::load
