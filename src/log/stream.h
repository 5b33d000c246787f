/// One partition of a log, as the log and its feeds see it.
#pragma once

#include "sagitta/log/log.h"

#include "ready_list.h"

namespace sagitta::log {

/// Thread-safe. Contracts are those of `Log`, but for what is said here. Marks its followers when
/// records are there. To be stopped before it ends.
class Stream {
 public:
  explicit Stream(Partition number) : number_(number) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Partition number() const { return number_; }
  Followers& followers() { return followers_; }

  virtual void append(Record record, AppendDone done) = 0;
  /// Blocks until there is a record at `from` or behind it, up to `wait_us`. False once it stops.
  virtual bool wait_for(Offset from, int64_t wait_us) = 0;
  /// Does not wait: an empty list when there is none.
  virtual Result<std::vector<Entry>> read(Offset from, size_t max_bytes) = 0;
  virtual Bounds bounds() const = 0;
  virtual Status trim(Offset before) = 0;
  /// Frees those who wait and refuses new appends; those that are queued are still made durable.
  virtual void begin_stop() = 0;
  /// Waits for that, and for its threads. `begin_stop` came before. Idempotent.
  virtual void stop() = 0;

 private:
  const Partition number_;
  Followers followers_;
};

}  // namespace sagitta::log
