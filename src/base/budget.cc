#include "sagitta/base/budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/assert.h"

namespace sagitta {

MemoryBudget::MemoryBudget(std::string name, size_t limit_bytes, MemoryBudget* parent)
    : name_(std::move(name)), limit_bytes_(limit_bytes), parent_(parent) {}

MemoryBudget::~MemoryBudget() { SAGITTA_ASSERT(used_bytes() == 0); }

bool MemoryBudget::try_take(size_t bytes) {
  size_t used = used_bytes_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_bytes_ || used > limit_bytes_ - bytes) return false;
  } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

Status MemoryBudget::charge(size_t bytes) {
  if (!try_take(bytes)) {
    return fail(ErrorCode::kOverloaded, fmt::format("memory budget '{}' is full: {} bytes asked, {} of {} in use",
                                                    name_, bytes, used_bytes(), limit_bytes_));
  }
  if (parent_ != nullptr) {
    Status above = parent_->charge(bytes);
    if (!above) {
      used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      return above;
    }
  }
  return {};
}

double MemoryBudget::used_part() const {
  const double own = static_cast<double>(used_bytes()) / static_cast<double>(std::max<size_t>(limit_bytes_, 1));
  return parent_ == nullptr ? own : std::max(own, parent_->used_part());
}

void MemoryBudget::overdraw(size_t bytes) {
  used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (parent_ != nullptr) parent_->overdraw(bytes);
}

void MemoryBudget::release(size_t bytes) {
  const size_t before = used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  SAGITTA_ASSERT(before >= bytes);
  if (parent_ != nullptr) parent_->release(bytes);
}

Result<MemoryCharge> MemoryCharge::take(MemoryBudget& budget, size_t bytes) {
  SAGITTA_CHECK(budget.charge(bytes));
  return MemoryCharge(budget, bytes);
}

}  // namespace sagitta
