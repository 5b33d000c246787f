/// The doors of the database: CQL sessions and the HTTP pages for machines (/healthz, /readyz,
/// /metrics), on the per-core runtime.
#pragma once

#include <cstdint>
#include <memory>

#include "sagitta/async/runtime.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/executor.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/result.h"
#include "sagitta/db/database.h"

namespace sagitta::server {

struct ServerOptions {
  async::Endpoint cql{"127.0.0.1", 9042};
  async::Endpoint http{"127.0.0.1", 6080};
  size_t connections_max = 10'000;
  /// Given to every request that does not finish earlier.
  int64_t request_timeout_ms = 10'000;
};

/// Listens until the runtime stops. Everything referenced must outlive it; the runtime must have
/// stopped before it dies.
class Server {
 public:
  virtual ~Server() = default;
  /// Opens the HTTP pages while the database is still to be opened: /readyz answers 503 and says
  /// how far that is. kIo naming the address when the port is in use; the runtime is stopped then.
  static Result<std::unique_ptr<Server>> open_pages(const ServerOptions& options, async::Runtime& runtime,
                                                    Executor& workers, const Clock& clock, MetricsRegistry& metrics);
  /// For /readyz, until `serve`: of `all` records in the log that the store lacks so many are
  /// applied. Thread-safe.
  virtual void show_replay(uint64_t applied, uint64_t all) = 0;
  /// Opens CQL over the database, once; from now on /readyz speaks of it. Errors as above.
  virtual Status serve(db::Database& database) = 0;
  /// Opens both.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, async::Runtime& runtime,
                                               db::Database& database, Executor& workers, const Clock& clock,
                                               MetricsRegistry& metrics);
  virtual const async::Endpoint& cql() const = 0;
  virtual const async::Endpoint& http() const = 0;
};

}  // namespace sagitta::server
