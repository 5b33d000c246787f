/// The stage *append*: what a request changes becomes one record of the log, and is answered when
/// the replica has applied it.
#pragma once

#include <mutex>
#include <optional>

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
  Writer(const Environment& environment, const Partitions& partitions, const Schemas& schemas,
         WriteDeadlines& deadlines, const MemoryBudget& indexes)
      : env_(environment), partitions_(partitions), schemas_(schemas), deadlines_(deadlines), indexes_(indexes) {}

  /// The mutations of the request's draft, of which there is one or more: once the indexes have
  /// room for them. kInvalid when they are more than a record holds; kOverloaded when an index has
  /// no room, with what is full. Near the limit of memory it goes on on a worker, for there it may
  /// wait.
  Status append_rows(const RequestPtr& request);
  Status append_schema_change(const RequestPtr& request);
  Status append_truncation(const RequestPtr& request, const plan::TruncatePlan& plan);

  /// Why the log takes no more writes, if so: one failed append stops it until the next start.
  std::optional<Error> log_failure() const;

 private:
  Status append_with_room(const RequestPtr& request, const Partition& partition, const Draft& draft,
                          log::Record record);
  void submit(const RequestPtr& request, const Partition& partition, log::Record record);
  void answer(Request& request, const Result<replica::ApplyResult>& result);
  void note_log_failure(const Error& error);

  const Environment& env_;
  const Partitions& partitions_;
  const Schemas& schemas_;
  WriteDeadlines& deadlines_;
  const MemoryBudget& indexes_;
  mutable std::mutex mutex_;
  std::optional<Error> log_failure_;  ///< guarded by mutex_
};

}  // namespace sagitta::db
