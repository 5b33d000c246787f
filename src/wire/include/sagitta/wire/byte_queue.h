/// Bytes that come at one end and are read from the other: copies of what came, or, as long as the
/// giver keeps them, those themselves.
#pragma once

#include <cstddef>

#include "sagitta/base/bytes.h"

namespace sagitta::wire {

/// Not thread-safe.
class ByteQueue {
 public:
  /// All that has come and was not consumed; good until a call of another method than `consume` and
  /// the const ones.
  BytesView view() const { return lent_.empty() ? BytesView(kept_).substr(head_) : lent_; }
  size_t size() const { return view().size(); }

  void append(BytesView bytes) { tail() += bytes; }
  /// Bytes appended to this are appended to the queue.
  Bytes& tail();
  /// As append, but `bytes` may not be copied before `keep`: until then they must stay.
  void lend(BytesView bytes);
  /// Copies what is lent and not consumed, and tidies.
  void keep();

  /// The first `count` bytes go; there are so many.
  void consume(size_t count);
  /// Gives back memory of what was consumed.
  void tidy();

 private:
  Bytes kept_;
  size_t head_ = 0;  ///< bytes of kept_ that were consumed
  BytesView lent_;   ///< while it is not empty, nothing is left in kept_
};

}  // namespace sagitta::wire
