/// The stage *admit*: lets requests in until the database stops, and counts those that are in.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "sagitta/base/loops.h"

#include "request.h"
#include "traces.h"

namespace sagitta::db {

/// Thread-safe. Outlives the requests that it let in.
class Admission {
 public:
  /// All must outlive it, and what `sources` refers to.
  Admission(const ValueSources& sources, TraceRing& traces, Loops& loops)
      : sources_(sources), traces_(traces), loops_(loops) {}

  /// Begins a request, and its trace when it is to be traced: as `kind` of request with `text`.
  /// Null, and answered kUnavailable, once closed.
  RequestPtr admit(RequestOptions options, Done done, std::string_view kind, std::string_view text);

  /// For what is no Request. kUnavailable once closed; else `leave` must follow.
  Status enter();
  void leave();
  /// Lets nobody in from now on.
  void close();
  /// Waits until nobody is in; false after `seconds`.
  bool wait_empty(int64_t seconds);

 private:
  const ValueSources sources_;
  TraceRing& traces_;
  Loops& loops_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace sagitta::db
