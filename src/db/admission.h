/// The stage *admit*: lets requests in until the database stops, and counts those that are in.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "sagitta/base/loops.h"

#include "request.h"
#include "slow_queries.h"
#include "traces.h"

namespace sagitta::db {

/// Thread-safe. Outlives the requests that it let in.
class Admission {
 public:
  /// All must outlive it, and what `sources` refers to.
  Admission(const ValueSources& sources, TraceRing& traces, Loops& loops, SlowQueries& slow_queries)
      : sources_(sources), traces_(traces), loops_(loops), slow_queries_(slow_queries) {}

  /// Begins a request, and its trace when it is to be traced. Null, and answered kUnavailable, once
  /// closed.
  RequestPtr admit(Asked asked, RequestOptions options, Done done);

  /// For what is no Request. kUnavailable once closed; else `leave` must follow.
  Status enter();
  void leave();

  // ---- for requests ----

  void note_answer(const Request& request, const Error* error) { slow_queries_.note(request, error); }
  void leave(Request& request);

  // ---- what is shown of them ----

  /// A request that is in.
  struct Running {
    uint64_t number = 0;
    /// Null: none's.
    ClientPtr client;
    std::string keyspace;
    /// "QUERY SELECT … [pageSize = 100] at consistency ONE"
    std::string task;
    int64_t running_us = 0;
  };
  /// The newest first, some hundred at most.
  std::vector<Running> running() const;
  /// How many came so far, by Asked::Kind.
  std::array<uint64_t, 3> counts() const;

  /// Lets nobody in from now on.
  void close();
  /// Waits until nobody is in; false after `seconds`.
  bool wait_empty(int64_t seconds);

 private:
  Status enter_locked();
  void leave_locked();
  void begin_trace(Request& request);

  const ValueSources sources_;
  TraceRing& traces_;
  Loops& loops_;
  SlowQueries& slow_queries_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t inside_ = 0;
  bool closed_ = false;
  uint64_t admitted_ = 0;
  std::array<uint64_t, 3> counts_{};
  Request* newest_ = nullptr;  ///< of those that are in, a list to the oldest
};

}  // namespace sagitta::db
