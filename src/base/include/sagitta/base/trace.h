/// What travels with every request: when to give up, and where to tell what happened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sagitta/base/clock.h"

namespace sagitta {

/// Receives the steps of one request, for CQL tracing. Thread-safe.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void event(std::string text) = 0;
};

/// How one search of an index went.
struct SearchReport {
  std::string_view path = "exact";  ///< "exact" or "graph"; a literal
  uint64_t nodes_visited = 0;       ///< graph nodes whose links were followed
  uint64_t distances = 0;           ///< distances computed
};

struct RequestContext {
  Deadline deadline;
  /// Null when the client did not ask for tracing; must outlive the request.
  TraceSink* trace = nullptr;
  /// What a search of an index may compute; past it, it ends with kWouldBlock.
  uint64_t distances_max = UINT64_MAX;
  /// Past it nobody waits for the answer. Null: somebody does; must outlive the request.
  const MovingDeadline* patience = nullptr;

  /// `ctx.note([&] { return fmt::format(...); })` formats only when somebody listens.
  template <class MakeText>
  void note(MakeText&& make_text) const {
    if (trace != nullptr) trace->event(make_text());
  }
};

}  // namespace sagitta
