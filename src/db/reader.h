/// The stage *read*: selects, from memory on the caller's thread as long as that is little work,
/// else on workers, where a read may wait for a disk, and goes on in slices
/// (docs/adr/0006-sessions-do-not-wait-for-disks.md).
#pragma once

#include <memory>

#include "sagitta/exec/stored_rows.h"
#include "sagitta/index/index.h"
#include "sagitta/plan/plan.h"

#include "partitions.h"
#include "request.h"
#include "schemas.h"
#include "system_tables.h"
#include "work_limits.h"

namespace sagitta::db {

/// Thread-safe. Outlives the requests.
class Reader {
 public:
  /// All must outlive it.
  Reader(const Options& options, const Environment& environment, const Partitions& partitions, const Schemas& schemas,
         const NodeContext& node);

  /// Answers the request, now or later; when it returns an error, the caller does. kWouldBlock:
  /// finding the keys that the statement names is more work than `meter` allows.
  Status read(const RequestPtr& request, const std::shared_ptr<const plan::SelectPlan>& plan, WorkMeter* meter);

 private:
  struct Read;
  using ReadPtr = std::shared_ptr<Read>;
  void read_here(const ReadPtr& read);
  void read_in_slices(const ReadPtr& read);
  /// True when the read is answered.
  bool read_slice(Read& read);
  void begin(Read& read, kv::ReadMode mode);
  exec::StoredRows stored_rows(Read& read, const exec::Views::Manner& manner) const;
  Result<Answer> step(Read& read, kv::ReadMode mode);
  void note_ann(const Read& read);
  void finish(Read& read, Result<Answer> answer);

  const Options& options_;
  const Environment& env_;
  const Partitions& partitions_;
  const Schemas& schemas_;
  const NodeContext node_;
  Counter& ann_exact_;
  Counter& ann_graph_;
  Counter& ann_nodes_;
  Counter& blocked_reads_;
  Counter& wide_reads_;
  Counter& abandoned_reads_;
  WorkPeak caller_work_, slice_work_;
};

}  // namespace sagitta::db
