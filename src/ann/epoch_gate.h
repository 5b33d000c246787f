/// Tells writers when no reader can still see what they unlinked. Readers enter and leave with one
/// atomic addition each and never wait for a writer.
///
/// There are two reader counters, for even and odd epochs. The epoch advances from e to e + 1 only
/// when no reader of e − 1 is left. So once it is e + 2, every reader that entered at e or earlier
/// has left.
#pragma once

#include <atomic>
#include <cstdint>

#include "sagitta/ann/index.h"
#include "sagitta/base/assert.h"

namespace sagitta::ann {

class EpochGate {
 public:
  /// Any thread.
  Pin enter();
  /// Any thread.
  void leave(uint64_t epoch) {
    const uint64_t inside = readers(epoch).fetch_sub(1);
    SAGITTA_ASSERT(inside > 0);
  }

  /// The current epoch. What is unlinked now may be reused once epoch() has grown by 2. Writers
  /// only, one at a time.
  uint64_t epoch() const { return epoch_.load(); }
  /// Advances to the next epoch, unless a reader of the previous one is left. Writers only, one at
  /// a time.
  bool try_advance();

 private:
  struct alignas(64) Count {
    std::atomic<uint64_t> value{0};
  };
  std::atomic<uint64_t>& readers(uint64_t epoch) { return readers_[epoch % 2].value; }

  // ^Sequentially consistent throughout: the proof above orders a reader's entry against a writer's
  // look at the counter.
  alignas(64) std::atomic<uint64_t> epoch_{1};
  Count readers_[2];
};

}  // namespace sagitta::ann
