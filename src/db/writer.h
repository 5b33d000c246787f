/// The stage *append*: what a request changes becomes a record of the log, or one in each log
/// partition that it concerns, and is answered when the replicas have applied it.
#pragma once

#include <mutex>
#include <optional>

#include "logged_batches.h"
#include "partitions.h"
#include "request.h"
#include "schemas.h"
#include "write_deadlines.h"

namespace sagitta::db {

/// Thread-safe. An append answers the request, now or later; when it returns an error, the caller
/// does.
class Writer {
 public:
  /// All must outlive it.
  Writer(const Environment& environment, Partitions& partitions, const Schemas& schemas, WriteDeadlines& deadlines,
         const MemoryBudget& indexes, LoggedBatches& batches)
      : env_(environment),
        partitions_(partitions),
        schemas_(schemas),
        deadlines_(deadlines),
        indexes_(indexes),
        batches_(batches) {}

  /// The mutations of the request's draft, of which there is one or more: once the indexes have
  /// room for them. In one log partition they are one record. In several they are a record each,
  /// side by side; those of a logged batch are all applied, or none is, also when the process ends
  /// in between. kInvalid when they are more than a record holds; kOverloaded when an index has no
  /// room, with what is full. Near the limit of memory it goes on on a worker, for there it may
  /// wait.
  Status append_rows(const RequestPtr& request);
  Status append_schema_change(const RequestPtr& request);
  Status append_truncation(const RequestPtr& request, const plan::TruncatePlan& plan);

  /// Why the log takes no more writes, if so: one failed append stops it until the next start.
  std::optional<Error> log_failure() const;

 private:
  Status append_with_room(const RequestPtr& request, Draft draft);
  Status append_record(const RequestPtr& request, const Partition& partition, Draft draft);
  Status append_pieces(const RequestPtr& request, Draft draft);
  Status append_logged(const RequestPtr& request, Draft draft);
  void append_to_meta(const RequestPtr& request, log::Record record);
  void mark(const Request& request, int64_t log_clock_us, log::Record& record) const;
  replica::ApplyDone answer_to(const RequestPtr& request);
  void answer(Request& request, const Result<replica::ApplyResult>& result);
  void answer_parts(const RequestPtr& request, const Status& applied);
  void refuse(Request& request, const Error& error);
  void finish(Request& request, const replica::ApplyResult& result);
  void note_log_failure(const Error& error);

  const Environment& env_;
  Partitions& partitions_;
  const Schemas& schemas_;
  WriteDeadlines& deadlines_;
  const MemoryBudget& indexes_;
  LoggedBatches& batches_;
  mutable std::mutex mutex_;
  std::optional<Error> log_failure_;  ///< guarded by mutex_
};

}  // namespace sagitta::db
