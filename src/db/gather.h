/// Waiting for several things at once.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "sagitta/base/result.h"

namespace sagitta::db {

/// Counts what is done, and tells when all of it is. Thread-safe.
class Gather {
 public:
  /// Calls `done` once, from the last of `count` calls of `tell`, of which there is one at least:
  /// with the first error, if any was told.
  Gather(size_t count, std::function<void(Status)> done) : left_(count), done_(std::move(done)) {}

  void tell(const Status& status) {
    std::unique_lock lock(mutex_);
    if (all_ && !status) all_ = status;
    if (--left_ > 0) return;
    const Status all = all_;
    lock.unlock();
    std::exchange(done_, nullptr)(all);
  }

 private:
  std::mutex mutex_;
  size_t left_;
  Status all_;
  std::function<void(Status)> done_;
};

}  // namespace sagitta::db
