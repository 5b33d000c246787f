// Testing all slots, and sampling what a test costs.
#include "tester.h"

namespace sagitta::ann {

void Tester::test_all(std::span<const uint32_t> slots, std::vector<uint32_t>& passed) {
  const size_t before = passed.size();
  passed.resize(before + slots.size());
  uint32_t* out = passed.data() + before;
  for (const uint32_t slot : slots) {
    const Verdict verdict = call(slot);
    if (verdict == Verdict::kStop) break;
    *out = slot;
    out += verdict == Verdict::kAccept ? 1 : 0;
  }
  passed.resize(static_cast<size_t>(out - passed.data()));
}

void Tester::sample(std::span<const uint32_t> slots) {
  SAGITTA_ASSERT(slots.size() <= kSampleMax);
  std::array<uint32_t, kSampleMax> unknown;
  const auto end = std::copy_if(slots.begin(), slots.end(), unknown.begin(), [this](uint32_t s) { return !find(s); });
  std::span<const uint32_t> left(unknown.begin(), end);
  while (!left.empty() && (sampled_ == 0 || cost_ <= kDearNs)) {
    const auto batch = left.first(std::min(kTimed, left.size()));
    const auto began = std::chrono::steady_clock::now();
    for (const uint32_t slot : batch) {
      const Verdict verdict = call(slot);
      if (verdict == Verdict::kStop) return;
      if (keep(slot, verdict).accepted) ++sampled_accepted_;
      ++sampled_;
    }
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - began;
    cost_ = std::min(cost_, spent.count() / static_cast<double>(batch.size()));
    left = left.subspan(batch.size());
  }
}

}  // namespace sagitta::ann
