/// Buffers that searches and links use again instead of allocating.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/base/budget.h"

#include "codec.h"
#include "graph.h"
#include "sketch.h"
#include "visited.h"

namespace sagitta::ann {

/// The copies of a candidate that are still to be given.
struct OpenRing {
  CopyRing ring;
  float distance = 0;
  size_t left = 0;  // in this round
};

struct Scratch {
  std::vector<uint64_t> keys;      // of a scan
  std::vector<uint64_t> pool;      // of a walk
  std::vector<uint64_t> rejected;  // of a walk
  std::vector<uint64_t> keys_of_batch;
  std::vector<float> query;
  std::vector<std::byte> query_at_level;  // at f16 and bf16
  std::vector<float> floats;
  std::vector<uint64_t> refined;  // keys of what has a better estimate, and is not rescored yet
  std::vector<Candidate> ready;   // rescored
  std::vector<float> nearest;     // a heap of the smallest distances among them
  SlotBitmap taken;               // before a scan of the rest
  Codec::Query code_query;
  Visited visited;
  std::vector<OpenRing> rings;
  std::vector<uint32_t> copies_taken;
  std::vector<uint32_t> fresh;     // slots of the fresh list
  std::vector<uint32_t> matching;  // slots that a scan looks at
  std::vector<uint32_t> passed;    // of those, what a predicate accepts
  std::vector<uint32_t> links;     // of the node that is expanded
  SketchBlock sketches;            // of these
  SketchProbe probe;
  std::vector<uint32_t> slots;
  std::vector<const uint8_t*> codes;
  std::vector<const Codec::Factors*> factors;
  std::vector<float> estimates;
  std::vector<float> scanned_estimates;  // of a scan, for each slot it looks at

  size_t bytes() const;
};

class ScratchPool;
struct GiveBack {
  ScratchPool* pool = nullptr;
  void operator()(Scratch* scratch) const;
};
/// Goes back to its pool, which must outlive it.
using ScratchPtr = std::unique_ptr<Scratch, GiveBack>;

/// Keeps a few buffers between searches, charged to the budget; at the ceiling they are freed instead. Thread-safe, no
/// locks.
class ScratchPool {
 public:
  explicit ScratchPool(MemoryBudget* budget);
  ~ScratchPool();
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;

  ScratchPtr take();
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  friend struct GiveBack;
  void give_back(std::unique_ptr<Scratch> scratch);
  std::unique_ptr<Scratch> take_kept();
  bool charge(size_t bytes);
  void release(size_t bytes);

  static constexpr size_t kKeptMax = 64;
  /// As many as searches usually run at once, four at least; a scan's may hold 20 bytes a slot.
  const size_t kept_count_;
  MemoryBudget* const budget_;
  std::atomic<size_t> bytes_{0};
  std::array<std::atomic<Scratch*>, kKeptMax> kept_{};
};

}  // namespace sagitta::ann
