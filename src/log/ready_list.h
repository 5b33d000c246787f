/// How the partitions of a log tell feeds that there is something to read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "sagitta/log/record.h"

namespace sagitta::log {

/// The partitions that may have records for a feed. Thread-safe; one thread takes.
class ReadyList {
 public:
  explicit ReadyList(Partition partitions) : ready_(partitions, false) {}

  void mark(Partition partition);
  /// No more records are to be waited for.
  void stop();
  bool stopped() const;
  /// The ready partition whose turn it is, which is no longer marked then: mark it again when it
  /// may have more. Waits for one until `deadline` or the stop; nothing when there is none.
  std::optional<Partition> take(std::chrono::steady_clock::time_point deadline);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> ready_;
  size_t count_ = 0;
  /// Where the next turn begins.
  size_t next_ = 0;
  bool stopped_ = false;
};

/// The feeds that something is told to. Thread-safe.
class Followers {
 public:
  /// `list` must live until it is removed. No effect when it is there; after `stop` it is stopped.
  void add(ReadyList& list);
  void remove(ReadyList& list);
  void mark(Partition partition);
  void stop();

 private:
  std::mutex mutex_;
  std::vector<ReadyList*> lists_;
  bool stopped_ = false;
};

}  // namespace sagitta::log
