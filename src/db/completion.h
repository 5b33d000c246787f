/// The stage *complete*: values that a write lacks are made before it is appended to the log.
#pragma once

#include <vector>

#include "request.h"
#include "write_deadlines.h"
#include "writer.h"

namespace sagitta::db {

/// Thread-safe. Outlives the requests.
class Completion {
 public:
  /// All must outlive it.
  Completion(Completer& completer, const Schemas& schemas, WriteDeadlines& deadlines, Writer& writer)
      : completer_(completer), schemas_(schemas), deadlines_(deadlines), writer_(writer) {}

  /// Completes the write and has it appended: at once, or later on another thread. Answers the
  /// request on failure, and at its deadline.
  void complete(const RequestPtr& request, plan::Write write);

 private:
  Status append(const RequestPtr& request, const Status& completed);

  Completer& completer_;
  const Schemas& schemas_;
  WriteDeadlines& deadlines_;
  Writer& writer_;
};

}  // namespace sagitta::db
