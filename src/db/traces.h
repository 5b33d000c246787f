/// Recent traced requests, for system_traces: a bounded ring in memory. Nothing of it survives a
/// restart.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/clock.h"
#include "sagitta/base/random.h"
#include "sagitta/base/trace.h"
#include "sagitta/base/uuid.h"

namespace sagitta::db {

struct TraceEvent {
  Uuid id;
  int64_t elapsed_us = 0;
  std::string activity;
};

/// What system_traces shows of one request. A copy: it does not change.
struct TraceRecord {
  Uuid id;
  std::string client, request;
  std::map<std::string, std::string> parameters;
  int64_t started_us = 0;
  /// Absent until the request is done.
  std::optional<int64_t> duration_us;
  std::vector<TraceEvent> events;
};

/// One traced request: its sink while it runs. Thread-safe.
class TraceSession final : public TraceSink {
 public:
  TraceSession(const Clock& clock, TimeUuidSource& ids, TraceRecord record);
  void event(std::string text) override;
  void finish();
  TraceRecord record() const;
  const Uuid& id() const { return id_; }

 private:
  const Clock& clock_;
  TimeUuidSource& ids_;
  const Uuid id_;
  const int64_t begin_us_;
  mutable std::mutex mutex_;
  TraceRecord record_;
};

/// Thread-safe.
class TraceRing {
 public:
  static constexpr size_t kSessionsMax = 1000;
  static constexpr size_t kEventsMax = 200;
  static constexpr size_t kTextBytesMax = 4096;

  TraceRing(const Clock& clock, TimeUuidSource& ids) : clock_(clock), ids_(ids) {}
  /// Begins a session; the oldest one goes when there are too many.
  std::shared_ptr<TraceSession> begin(std::string client, std::string request,
                                      std::map<std::string, std::string> parameters);
  std::vector<TraceRecord> records() const;

 private:
  const Clock& clock_;
  TimeUuidSource& ids_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<TraceSession>> sessions_;
};

}  // namespace sagitta::db
