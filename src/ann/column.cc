#include "column.h"

#include <fmt/format.h>
#include <sys/mman.h>

namespace sagitta::ann {
namespace {

/// Below this a huge page would waste more than it saves.
constexpr size_t kHugePageWorth = size_t{8} << 20;

}  // namespace

Column::~Column() {
  for (uint32_t s = 0; s < segments_; ++s) {
    if (record_bytes_ > 0) munmap(segment(s), segment_bytes(s));
  }
}

Status Column::add_segment(uint32_t segment) {
  if (segment < segments_) return {};
  if (record_bytes_ == 0) {
    segments_ = segment + 1;
    return {};
  }
  const size_t bytes = segment_bytes(segment);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorCode::kOverloaded, fmt::format("the system gives a vector index no {} bytes more", bytes));
  }
  if (bytes >= kHugePageWorth) madvise(memory, bytes, MADV_HUGEPAGE);
  biased_[segment].store(reinterpret_cast<uintptr_t>(memory) - size_t{segment_begin(segment)} * record_bytes_,
                         std::memory_order_relaxed);
  segments_ = segment + 1;
  return {};
}

}  // namespace sagitta::ann
