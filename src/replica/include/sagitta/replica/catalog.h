/// The schema of a node with several log partitions. Its changes have a log of their own, the meta
/// log; the partitions take them on from there, each at its own place in its own log.
#pragma once

#include <memory>
#include <optional>

#include "sagitta/base/loops.h"
#include "sagitta/log/log.h"
#include "sagitta/replica/replica.h"
#include "sagitta/replica/schema_source.h"

namespace sagitta::replica {

/// Thread-safe. Each record of the log that changes something makes the next version: a change of
/// the schema, or a truncation of a table.
class Catalog : public SchemaSource {
 public:
  /// Applies what the log has, which is never trimmed and has one partition, then starts a loop
  /// that applies what comes. Both must outlive it. Blocks. kCorruption, kFormat, kIo.
  static Result<std::unique_ptr<Catalog>> open(log::Log& log, Loops& loops = thread_loops());

  /// As Replica::submit: `done` gets the newest schema with it.
  virtual void submit(log::Record record, ApplyDone done) = 0;
  /// The newest.
  virtual schema::SchemaPtr schema() const = 0;
  /// As Replica::on_schema_change.
  [[nodiscard]] virtual std::shared_ptr<void> on_schema_change(
      std::function<void(const schema::SchemaOutcome&)> listener) = 0;
  virtual std::optional<Error> halted() const = 0;
  /// The log clock after the last record, microseconds since the epoch; INT64_MIN before the first.
  virtual int64_t log_clock_us() const = 0;
  /// Applies no more than what is at hand. Once it is called the log may be stopped, which frees
  /// the loop at once.
  virtual void begin_stop() = 0;
  /// Fails who waits, ends the loop. Idempotent.
  virtual void stop() = 0;
};

}  // namespace sagitta::replica
