/// Answers writes that the completer, the log or the replica keeps waiting beyond their deadline: a
/// disk that hangs must not keep a client waiting for ever. The write itself cannot be taken back,
/// so its outcome is open.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/base/loops.h"

namespace sagitta::db {

struct Request;

/// Thread-safe. Owns one loop, which sleeps while no write is under way.
class WriteDeadlines {
 public:
  /// Both must outlive it.
  WriteDeadlines(const Clock& clock, Loops& loops);
  ~WriteDeadlines();
  WriteDeadlines(const WriteDeadlines&) = delete;
  WriteDeadlines& operator=(const WriteDeadlines&) = delete;

  /// Finishes the request with kWriteTimeout at its deadline, unless it is removed before. Does not
  /// keep it alive.
  void add(const std::shared_ptr<Request>& request);
  /// The request has its outcome. Does nothing for one that was not added or is over.
  void remove(const Request& request);

 private:
  /// By deadline; the address tells requests of one deadline apart.
  using Key = std::pair<int64_t, const Request*>;

  bool turn(int64_t wait_us);
  void pause(std::unique_lock<std::mutex>& lock, int64_t wait_us);
  std::vector<std::shared_ptr<Request>> take_late();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, std::weak_ptr<Request>> waiting_;
  /// The loop waits for the first entry; otherwise it wakes by itself, and need not be woken for
  /// each write.
  bool asleep_ = false;
  bool stopping_ = false;
  std::unique_ptr<Loop> loop_;
};

}  // namespace sagitta::db
