/// A request on its way through the stages: admit, bind, authorise, complete, append or read,
/// answer.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/random.h"
#include "sagitta/base/trace.h"
#include "sagitta/db/answer.h"
#include "sagitta/db/request.h"
#include "sagitta/db/stages.h"
#include "sagitta/index/room.h"
#include "sagitta/plan/plan.h"

#include "asked.h"
#include "authorisation.h"
#include "traces.h"

namespace sagitta::db {

class Admission;

/// Where that comes from what a statement makes by itself: now(), uuid(), timestamps.
struct ValueSources {
  const Clock& clock;
  Random& random;
  TimeUuidSource& timeuuids;
};

/// What a write is, as protocols name it.
enum class WriteType : uint8_t { kSimple, kUnloggedBatch, kBatchLog, kBatch, kCounter, kConditional };
/// An error of a write; a timeout says of what (Error::subject).
Error with_write_type(const Error& error, WriteType type);

/// Shared by whoever still has to do something for it; the last one to let go ends it.
struct Request {
  /// `admission` hears when it is answered, and when it ends.
  Request(Admission& admission, const ValueSources& sources, Asked asked, RequestOptions options, Done done);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// Answers, once; later calls do nothing. Thread-safe.
  void finish(Result<Answer> answer);
  bool is_finished() const { return finished; }
  /// `meter`: see EvalContext.
  plan::EvalContext eval(WorkMeter* meter) const;
  void note_batch(types::BatchKind kind);
  RequestContext context() const;
  /// The one who asks waits no longer.
  bool is_abandoned() const;

  Admission& admission;
  const ValueSources sources;
  const Asked asked;
  RequestOptions options;
  Done done;
  /// None in a batch of statements.
  Permitted statement;
  /// Of a batch: logged, unlogged, or of counters.
  std::optional<types::BatchKind> batch;
  /// Of a write: how far it has come, for whoever is told that its time is over.
  std::atomic<WriteType> write_type{WriteType::kSimple};
  /// What the statement's markers are given, in marker order.
  std::vector<plan::BindValue> values;
  /// Of a conditional write: what its answer shows.
  std::optional<plan::Conditional> conditional;
  /// For what its long texts became; given back with the answer.
  std::vector<MemoryCharge> charges;
  /// Of a write: beside the statement's.
  std::vector<std::string> warnings;
  /// Of a write, from the stage *complete* on.
  Draft draft;
  /// Of a write that is in the log and not applied yet.
  index::Room room;
  std::shared_ptr<TraceSession> trace;
  const int64_t now_us;
  /// Steady time.
  const int64_t begun_us;
  std::atomic<bool> finished{false};

  // The admission's.
  uint64_t number = 0;  ///< 0: it is not in
  Request* earlier = nullptr;
  Request* later = nullptr;
};
using RequestPtr = std::shared_ptr<Request>;

}  // namespace sagitta::db
