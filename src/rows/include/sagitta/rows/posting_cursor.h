/// Reading postings of a view.
#pragma once

#include <memory>

#include "sagitta/base/work_meter.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/posting.h"

namespace sagitta::rows {

/// Walks the live postings of an interval of keys. Not thread-safe. Every move: false at the end;
/// kWouldBlock when a cache-only view misses the cache, and the cursor is then of no more use;
/// kCorruption, kIo.
class PostingCursor {
 public:
  /// Of entries of Family::kPostings. `meter` is charged for what is read; null: nobody is.
  PostingCursor(std::unique_ptr<kv::Iterator> entries, int64_t now_s, WorkMeter* meter)
      : entries_(std::move(entries)), now_s_(now_s), meter_(meter) {}

  Result<bool> first();
  /// To the first whose key is `key` or greater.
  Result<bool> seek(BytesView key);
  Result<bool> next();

  /// Good until the next move.
  const Posting& posting() const { return posting_; }

 private:
  Result<bool> settle();
  void charge(uint64_t units) const {
    if (meter_ != nullptr) meter_->add(units);
  }

  std::unique_ptr<kv::Iterator> entries_;
  const int64_t now_s_;
  WorkMeter* const meter_;
  Posting posting_;
};

}  // namespace sagitta::rows
