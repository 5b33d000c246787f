/// One CQL connection: handshake, requests to the database, answers in whatever order they are
/// ready, pushed events.
#pragma once

#include <atomic>
#include <memory>

#include "sagitta/async/runtime.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/executor.h"
#include "sagitta/base/metrics.h"
#include "sagitta/db/database.h"

namespace sagitta::server {

/// Requests of one connection that may be under way; past it the connection is not read, and TCP
/// makes the client wait.
inline constexpr size_t kInFlightMax = 4096;
/// Answers queued for a client that does not read them, before the connection is not read either.
inline constexpr size_t kUnsentBytesMax = size_t{16} << 20;
/// A session that has taken requests for so long lets other connections of its core have their
/// turn.
inline constexpr int64_t kTurnUs = 250;
/// Rows with more bytes are encoded on a worker.
inline constexpr size_t kLargeAnswerBytes = size_t{64} << 10;
/// What a large answer is sent in.
inline constexpr size_t kAnswerPieceBytes = size_t{256} << 10;

/// A client that has said its last word waits for answers so much longer: reads end then.
inline constexpr int64_t kLeaveGraceUs = 1'000'000;

/// Of a client's STARTUP so much is kept, for system_views.clients.
inline constexpr size_t kStartupBytesKept = size_t{4} << 10, kStartupOptionsKept = 32;

/// Charged to the session budget for a connection at rest: socket, session, and the buffers that it
/// keeps.
inline constexpr size_t kSessionBytes = size_t{16} << 10;
/// Bytes of half-received frames that kSessionBytes pays for; all bytes of more are charged to the
/// frames budget.
inline constexpr size_t kUnchargedBytes = size_t{4} << 10;

/// What sessions share. All references outlive them.
struct SessionContext {
  db::Database& database;
  const Clock& clock;
  int64_t request_timeout_us;
  Counter& requests;
  Counter& errors;
  Gauge& in_flight;
  Histogram& seconds;
  /// Where large requests are opened and large answers encoded.
  Executor& workers;
};

/// The handler for a new connection.
std::unique_ptr<async::ConnectionHandler> make_cql_session(SessionContext& context,
                                                           const async::ConnectionPtr& connection);

}  // namespace sagitta::server
