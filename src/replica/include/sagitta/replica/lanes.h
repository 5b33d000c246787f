/// The loops that apply the log: each log partition goes with one of them.
#pragma once

#include <memory>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/base/executor.h"
#include "sagitta/base/loops.h"
#include "sagitta/log/log.h"

namespace sagitta::replica {

struct Options;
class Lane;

/// Replicas are opened with them, then they start; one thread does that.
class Lanes {
 public:
  /// All must outlive it.
  struct Environment {
    log::Log& log;
    const Clock& clock;
    /// Flush.
    Executor& workers;
    Loops& loops = thread_loops();
  };
  Lanes(const Environment& environment, const Options& options, size_t count);
  /// Stops.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  Lane& of(log::Partition partition) { return *lanes_[partition % lanes_.size()]; }
  /// From now on the partitions that were opened follow the log.
  void start();
  /// No more records are applied than those at hand. Once it is called the log may be stopped,
  /// which frees lanes that wait for records at once.
  void begin_stop();
  /// Ends the loops. Idempotent.
  void stop();

 private:
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace sagitta::replica
