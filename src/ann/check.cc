// Verifies the invariants of an index, slot by slot.
#include <fmt/format.h>

#include <cmath>

#include "index_impl.h"
#include "vectors.h"

namespace sagitta::ann {
namespace {

/// How far rounding may move the length of a stored unit vector from 1.
constexpr double kUnitTolerance = 0.01;

}  // namespace

Status Index::Impl::check_vectors() const {
  std::vector<float> stored(options.dim);
  for (uint32_t slot = 0; slot < store.end() && options.level != Level::kI8; ++slot) {
    if (!store.is_live(slot)) continue;
    read_vector(options.level, store.vector(slot), stored);
    double squares = 0;
    for (float v : stored) squares += double{v} * double{v};
    const bool whole = std::isfinite(squares);
    if (!whole || (options.metric == Metric::kCosine && std::fabs(squares - 1) > kUnitTolerance)) {
      return fail(ErrorCode::kCorruption, fmt::format("the vector of slot {} is not one that insert stores", slot));
    }
  }
  return {};
}

Status Index::Impl::check_graph() const {
  std::vector<uint32_t> links(graph.degree());
  for (uint32_t slot = 0; slot < store.end(); ++slot) {
    if (!store.is_live(slot)) continue;
    if (!store.meta(slot).linked) {
      if (!fresh.holds(slot))
        return fail(ErrorCode::kCorruption, fmt::format("slot {} is neither fresh nor linked", slot));
      continue;
    }
    links.resize(graph.neighbours(slot, links.data()));
    for (uint32_t other : links) {
      const bool right = other < store.end() && other != slot && store.state(other) != SlotState::kFree;
      if (!right) return fail(ErrorCode::kCorruption, fmt::format("slot {} links to slot {}", slot, other));
    }
    links.resize(graph.degree());
    const uint32_t copy = graph.next_copy(slot);
    const bool right =
        copy == kNoLink || (copy < store.end() && store.state(copy) != SlotState::kFree && linker.is_copy(slot, copy));
    if (!right) return fail(ErrorCode::kCorruption, fmt::format("slot {} has slot {} for a copy", slot, copy));
    if (graph.has_sketches() && !linker.sketches_are_right(slot, *codec()))
      return fail(ErrorCode::kCorruption, fmt::format("a sketch beside the links of slot {} is not its link's", slot));
  }
  if (unsettled_ > 0) return {};
  const std::vector<uint32_t> lost = linker.unreachable();
  if (lost.empty()) return {};
  return fail(ErrorCode::kCorruption, fmt::format("slot {} and {} others cannot be reached", lost[0], lost.size() - 1));
}

Status Index::Impl::check() const {
  std::unique_lock lock(writer);
  ++checks_waiting_;
  changed.wait(lock, [this] { return linking_ == 0 && !repairing_; });
  --checks_waiting_;
  changed.notify_all();
  SAGITTA_CHECK(store.check(0));
  SAGITTA_CHECK(check_vectors());
  return check_graph();
}

}  // namespace sagitta::ann
