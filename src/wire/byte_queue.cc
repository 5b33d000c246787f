// Bytes on their way from a socket to frames.
#include "sagitta/wire/byte_queue.h"

#include <utility>

#include "sagitta/base/assert.h"

namespace sagitta::wire {
namespace {

/// A buffer that grew past this is given back when it is empty: thousands of connections at rest
/// have one.
constexpr size_t kKeepCapacity = size_t{2} << 10;

}  // namespace

Bytes& ByteQueue::tail() {
  keep();
  return kept_;
}

void ByteQueue::lend(BytesView bytes) {
  if (size() > 0) return append(bytes);
  tidy();
  lent_ = bytes;
}

void ByteQueue::keep() {
  tidy();
  if (!lent_.empty()) kept_ = std::exchange(lent_, {});
}

void ByteQueue::consume(size_t count) {
  SAGITTA_ASSERT(count <= size());
  if (lent_.empty()) {
    head_ += count;
  } else {
    lent_.remove_prefix(count);
  }
}

void ByteQueue::tidy() {
  if (head_ == kept_.size()) {
    kept_.clear();
    if (kept_.capacity() > kKeepCapacity) Bytes().swap(kept_);
    head_ = 0;
  } else if (head_ > kept_.size() / 2) {
    kept_.erase(0, head_);
    head_ = 0;
  }
}

}  // namespace sagitta::wire
