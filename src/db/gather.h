/// Waiting for several writes at once, one in each of several log partitions.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "sagitta/base/result.h"

namespace sagitta::db {

/// Whether a write was decided: done, or refused for what it is.
inline bool is_decided(const Status& outcome) {
  if (outcome) return true;
  const ErrorCode code = outcome.error().code();
  return code == ErrorCode::kInvalid || code == ErrorCode::kConfig;
}

/// Whether nothing was appended, for now: another time it may be.
inline bool is_not_done(const Error& error) {
  return error.code() == ErrorCode::kOverloaded || error.code() == ErrorCode::kUnavailable;
}

/// What several writes came to.
struct Gathered {
  /// The first error of the worst kind: a write that is open, then one that is not done, then one
  /// that is refused.
  Status status;
  size_t done = 0;  ///< writes without an error
};

/// Counts outcomes, and tells when all are there. Thread-safe.
class Gather {
 public:
  /// Calls `all` once, from the last of `count` calls of `tell`, of which there is one at least.
  Gather(size_t count, std::function<void(const Gathered&)> all) : left_(count), all_(std::move(all)) {}

  void tell(const Status& outcome) {
    std::unique_lock lock(mutex_);
    Status& status = gathered_.status;
    if (outcome) {
      ++gathered_.done;
    } else if (rank(outcome) > rank(status)) {
      status = outcome;
    }
    if (--left_ > 0) return;
    lock.unlock();
    std::exchange(all_, nullptr)(gathered_);
  }

 private:
  static int rank(const Status& outcome) {
    if (outcome) return 0;
    if (is_decided(outcome)) return 1;
    return is_not_done(outcome.error()) ? 2 : 3;
  }

  std::mutex mutex_;
  size_t left_;
  Gathered gathered_;
  std::function<void(const Gathered&)> all_;
};

}  // namespace sagitta::db
