/// Buffers that searches and links reuse, so that they allocate nothing.
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
#include "link_scratch.h"
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
  std::vector<uint64_t> refined;  // keys with a better estimate, not rescored yet
  std::vector<Candidate> ready;   // rescored
  std::vector<float> nearest;     // a heap of the smallest distances of both
  SlotBitmap taken;               // before a scan of the rest
  Codec::Query code_query;
  Visited visited;
  std::vector<OpenRing> rings;
  std::vector<uint32_t> copies_taken;
  std::vector<uint32_t> fresh;     // slots of the fresh list
  std::vector<uint32_t> matching;  // slots that a scan reads
  std::vector<uint32_t> passed;    // of matching: accepted by the predicate
  std::vector<uint32_t> links;     // of the expanded node
  SketchBlock sketches;            // of these links
  SketchProbe probe;
  std::vector<uint32_t> slots;
  std::vector<const uint8_t*> codes;
  std::vector<const Codec::Factors*> factors;
  std::vector<float> estimates;
  std::vector<float> scanned_estimates;  // of a scan, one for each slot it reads
  LinkScratch link;

  size_t bytes() const;
};

class ScratchPool;
struct GiveBack {
  ScratchPool* pool = nullptr;
  void operator()(Scratch* scratch) const;
};
/// Returns to its pool, which must outlive it.
using ScratchPtr = std::unique_ptr<Scratch, GiveBack>;

/// Keeps a few buffers between searches and charges them to the budget; at the ceiling it frees
/// them instead. Thread-safe and lock-free.
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
  /// The usual number of concurrent searches: the number of processors, within 4 … kKeptMax. A
  /// scan's scratch may hold 20 bytes a slot.
  const size_t kept_count_;
  MemoryBudget* const budget_;
  std::atomic<size_t> bytes_{0};
  std::array<std::atomic<Scratch*>, kKeptMax> kept_{};
};

}  // namespace sagitta::ann
