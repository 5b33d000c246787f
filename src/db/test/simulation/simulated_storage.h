/// Logs and stores that outlive a simulated process: what is durable of them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/db/storage.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/sim_log.h"

namespace sagitta::db::test {

/// A fault that is put in on purpose, to see that it is found.
enum class Canary : uint8_t {
  kNone,
  kPieceNotReplayed,  ///< a start loses the pieces of batches that it has to do again
  kCrossingSkipped,   ///< a partition takes on no versions of the schema when all are to
  kDecidedTwice,      ///< a conditional write is in the log once more, as a request of its own
};

inline constexpr log::Partition kSimulatedPartitions = 4;

/// One thread.
class SimulatedStorage final : public Storage {
 public:
  /// Each log, and each partition of the data log, has faults of its own kind and rate.
  SimulatedStorage(const Clock& clock, uint64_t seed, Canary canary);

  Result<std::unique_ptr<log::Log>> open_log(LogRole role) override;
  Result<std::unique_ptr<kv::Store>> open_store(log::Partition partition, kv::CompactionFilterSource filters) override;

  /// The start of a process is over.
  void set_started() { is_starting_ = false; }

  /// Streams of all logs: the partitions, the meta log, the batch log.
  static constexpr size_t kStreams = kSimulatedPartitions + 2;
  /// Makes the oldest append of a stream durable, or not; false when none waits.
  bool settle(size_t stream);

  /// The process is dead. Of what it wrote, `draw` (given a bound, a number below it) says how much
  /// is durable: each stream keeps so many of the appends that wait, each store what it had
  /// flushed.
  void crash(const std::function<uint64_t(uint64_t bound)>& draw);

  /// Drops what no reader can see, if the partition's store is open.
  void compact(log::Partition partition);

  using Entries = std::vector<std::pair<Bytes, Bytes>>;
  using Families = std::array<Entries, kv::kFamilyCount>;

 private:
  class Handle;
  class FallingStore;

  log::SimLog& log(LogRole role) const { return *logs_[static_cast<size_t>(role)]; }
  void spoil(LogRole role, log::Partition partition, log::Record& record);

  const Canary canary_;
  std::array<std::unique_ptr<log::SimLog>, 3> logs_;  ///< by role
  std::array<Families, kSimulatedPartitions> flushed_;
  std::array<FallingStore*, kSimulatedPartitions> stores_{};
  std::vector<Handle*> handles_;
  bool is_starting_ = false;
};

}  // namespace sagitta::db::test
