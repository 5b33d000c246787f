// Segments as anonymous mappings, in huge pages where they are large enough.
#include "column.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "sagitta/base/assert.h"

namespace sagitta::ann {
namespace {

/// A smaller segment would waste more memory by a huge page than it gains.
constexpr size_t kHugePage = size_t{2} << 20;

/// Cuts a mapping down to `bytes` that begin at a huge page.
void* trim(void* memory, size_t room, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(memory), aligned = (begin + kHugePage - 1) & ~(kHugePage - 1);
  const size_t before = aligned - begin, after = (room - before - bytes) & ~size_t{4095};
  if (before > 0) munmap(memory, before);
  if (after > 0) munmap(reinterpret_cast<void*>(begin + room - after), after);
  memory = reinterpret_cast<void*>(aligned);
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

}  // namespace

Column::~Column() {
  for (uint32_t s = 0; s < segments_; ++s) {
    if (record_bytes_ > 0) munmap(segment(s), segment_bytes(s));
  }
}

Status Column::add_segment(uint32_t segment) {
  if (segment < segments_) return {};
  SAGITTA_ASSERT(segment == segments_ && segment < kSegments);
  if (record_bytes_ == 0) {
    segments_ = segment + 1;
    return {};
  }
  const size_t bytes = segment_bytes(segment);
  const bool huge = bytes >= kHugePage;
  const size_t room = bytes + (huge ? kHugePage : 0);
  void* memory = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorCode::kOverloaded, fmt::format("the system gives a vector index no {} bytes more", bytes));
  }
  if (huge) memory = trim(memory, room, bytes);
  biased_[segment].store(reinterpret_cast<uintptr_t>(memory) - size_t{segment_begin(segment)} * record_bytes_,
                         std::memory_order_relaxed);
  segments_ = segment + 1;
  return {};
}

}  // namespace sagitta::ann
