/// `sagitta serve`: the pages first, then the database, then CQL; and a stop in the other order.
#include "serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include "sagitta/async/runtime.h"
#include "sagitta/async/worker_pool.h"
#include "sagitta/base/file.h"
#include "sagitta/base/logging.h"
#include "sagitta/base/metrics.h"
#include "sagitta/db/database.h"
#include "sagitta/server/server.h"

namespace sagitta {
namespace {

/// Connections get this long to finish what is in flight when the server stops.
constexpr int64_t kStopGraceMs = 5'000;

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Of the process's memory what its parts charge; the rest is what nobody charges: code and stacks,
/// RocksDB's own, and what the allocator has lost between blocks.
size_t charged_bytes(uint64_t memory_mib) {
  constexpr uint64_t kUnchargedMib = 64, kLostPart = 8;
  const uint64_t uncharged = kUnchargedMib + memory_mib / kLostPart;
  return std::max(memory_mib / 2, memory_mib - std::min(memory_mib, uncharged)) << 20;
}

db::Options database_options(const ServeOptions& options, const async::Endpoint& cql, server::Server& server) {
  db::Options database;
  database.data_dir = options.data;
  if (options.partitions > 0) database.partitions = options.partitions;
  database.lanes = options.lanes;
  database.node.cluster_name = options.cluster_name;
  database.node.cql_address = cql.address;
  database.node.cql_port = cql.port;
  database.settings = options.as_given;
  database.slow_query_us = options.slow_query_ms * 1000;
  db::BudgetOptions& budgets = database.budgets;
  budgets.root_bytes = charged_bytes(options.memory_mib);
  budgets.block_cache_bytes = options.block_cache_mib << 20;
  // A full index leaves room for requests.
  constexpr size_t kRequestsPart = 8;
  const size_t others = budgets.block_cache_bytes + budgets.root_bytes / kRequestsPart;
  budgets.fresh_lists_bytes = budgets.root_bytes - std::min(budgets.root_bytes / 2, others);
  database.on_replay = [&server](uint64_t applied, uint64_t all) { server.show_replay(applied, all); };
  return database;
}

Status run(const ServeOptions& options) {
  if (!set_log_level(options.log_level)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--log-level {}: not one of debug, info, warn, error", options.log_level));
  }
  SAGITTA_TRY(const auto cql, async::Endpoint::parse(options.cql));
  SAGITTA_TRY(const auto http, async::Endpoint::parse(options.http));
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // every thread made from here on inherits it
  std::signal(SIGPIPE, SIG_IGN);

  const SystemClock clock;
  SystemRandom random;
  MetricsRegistry metrics;
  const auto files = make_real_file_system();
  async::WorkerPool workers(options.workers, metrics);
  std::unique_ptr<db::Database> database;  // outlives the sessions

  const int cores = options.cores > 0 ? options.cores : static_cast<int>(std::thread::hardware_concurrency());
  const auto runtime = async::make_runtime(cores, metrics);
  SAGITTA_TRY(const auto server,
              server::Server::open_pages({cql, http, options.connections_max, options.request_timeout_ms}, *runtime,
                                         workers, clock, metrics));
  auto opened = db::Database::open(database_options(options, cql, *server), {*files, clock, random, metrics, workers});
  if (!opened) {
    runtime->stop(0);
    return fail(opened);
  }
  database = *std::move(opened);
  SAGITTA_CHECK(server->serve(*database));
  fmt::print("sagitta {} ready: cql {} http {} data {}\n", SAGITTA_VERSION, server->cql().to_string(),
             server->http().to_string(), options.data);
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  log_info("stopping", {{"signal", signal}});
  runtime->stop(kStopGraceMs);
  Status stopped = database->stop();
  workers.stop();
  return stopped;
}

}  // namespace

int serve(const ServeOptions& options) {
  const Status status = run(options);
  if (status) return 0;
  fmt::print(stderr, "sagitta: {}\n", status.error().message());
  return 1;
}

}  // namespace sagitta
