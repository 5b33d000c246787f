#include "tester.h"

namespace sagitta::ann {

void Tester::test_all(std::span<const uint32_t> slots, std::vector<uint32_t>& passed) {
  for (const uint32_t slot : slots) {
    const Verdict verdict = call(slot);
    if (verdict == Verdict::kStop) return;
    if (verdict == Verdict::kAccept) passed.push_back(slot);
  }
}

void Tester::sample(std::span<const uint32_t> slots) {
  while (!slots.empty() && (sampled_ == 0 || cost_ <= kDearNs)) {
    const auto batch = slots.first(std::min(kTimed, slots.size()));
    const auto began = std::chrono::steady_clock::now();
    for (const uint32_t slot : batch) {
      const Verdict verdict = call(slot);
      if (verdict == Verdict::kStop) return;
      sample_[sampled_] = slot;
      sample_accepted_[sampled_++] = verdict == Verdict::kAccept;
    }
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - began;
    cost_ = std::min(cost_, spent.count() / static_cast<double>(batch.size()));
    slots = slots.subspan(batch.size());
  }
}

}  // namespace sagitta::ann
