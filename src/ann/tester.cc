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
  for (size_t begin = 0; begin < slots.size() && (begin == 0 || cost_ <= kDearNs); begin += kTimed) {
    const auto began = std::chrono::steady_clock::now();
    for (const uint32_t slot : slots.subspan(begin, std::min(kTimed, slots.size() - begin))) {
      const Verdict verdict = call(slot);
      if (verdict == Verdict::kStop) return;
      sample_[sampled_] = slot;
      sample_accepted_[sampled_++] = verdict == Verdict::kAccept;
    }
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - began;
    cost_ = std::min(cost_, spent.count() / static_cast<double>(sampled_ - begin));
  }
}

}  // namespace sagitta::ann
