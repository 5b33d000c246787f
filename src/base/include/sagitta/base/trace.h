/// What travels with every request: when to give up, and where to tell what happened.
#pragma once

#include <string>

#include "sagitta/base/clock.h"

namespace sagitta {

/// Receives the steps of one request, for CQL tracing. Thread-safe.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void event(std::string text) = 0;
};

struct RequestContext {
  Deadline deadline;
  /// Null when the client did not ask for tracing; must outlive the request.
  TraceSink* trace = nullptr;

  /// `ctx.note([&] { return fmt::format(...); })` formats only when somebody listens.
  template <class MakeText>
  void note(MakeText&& make_text) const {
    if (trace != nullptr) trace->event(make_text());
  }
};

}  // namespace sagitta
