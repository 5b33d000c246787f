/// The HTTP pages, open from the start, and CQL, open once there is a database.
#include "sagitta/server/server.h"

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <optional>
#include <string>

#include "sagitta/base/assert.h"

#include "cql_session.h"
#include "http_session.h"

namespace sagitta::server {
namespace {

/// For pages that are asked for before there is a database, whose budgets pay for the others.
constexpr size_t kStartPagesBytes = size_t{4} << 20;

/// How far the opening of the database is. Thread-safe.
class Opening {
 public:
  void show_replay(uint64_t applied, uint64_t all) {
    all_ = all;
    applied_ = applied;
  }
  std::map<std::string, std::string> state() const {
    const uint64_t applied = applied_, all = all_;
    if (all == 0) return {{"starting", "the data directory is being opened"}};
    return {{"starting", fmt::format("{} of {} log records replayed", applied, all)}};
  }

 private:
  std::atomic<uint64_t> applied_{0}, all_{0};
};

class RunningServer final : public Server {
 public:
  RunningServer(const ServerOptions& options, async::Runtime& runtime, Executor& workers, const Clock& clock,
                MetricsRegistry& metrics)
      : options_(options), runtime_(runtime), workers_(workers), clock_(clock), metrics_(metrics) {
    add_page("/healthz", [] { return http::text_response(200, "ok\n"); });
    add_page("/readyz", [this] { return readiness(); });
    add_page("/metrics", [&metrics] {
      return http::text_response(200, metrics.render(), "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  Status open_pages() {
    SAGITTA_TRY(http_, listen(options_.http, "http", [this](const async::ConnectionPtr& connection) {
                  db::Database* const database = database_;
                  MemoryBudget& budget = database == nullptr ? start_pages_ : database->budgets().sessions;
                  return make_http_session(routes_, budget, connection);
                }));
    return {};
  }

  void show_replay(uint64_t applied, uint64_t all) override { opening_.show_replay(applied, all); }

  Status serve(db::Database& database) override {
    SAGITTA_ASSERT(!context_);
    context_.emplace(SessionContext{
        .database = database,
        .clock = clock_,
        .request_timeout_us = options_.request_timeout_ms * 1000,
        .requests = metrics_.counter("sagitta_cql_requests_total", "CQL requests received."),
        .errors = metrics_.counter("sagitta_cql_errors_total", "CQL requests answered with an error."),
        .in_flight = metrics_.gauge("sagitta_cql_requests_in_flight", "CQL requests not answered yet."),
        .seconds = metrics_.histogram("sagitta_cql_request_seconds", "Time from request to answer.", latency_bounds()),
        .workers = workers_});
    SAGITTA_TRY(cql_, listen(options_.cql, "cql", [this](const async::ConnectionPtr& connection) {
                  return make_cql_session(*context_, connection);
                }));
    database_ = &database;
    return {};
  }

  const async::Endpoint& cql() const override { return cql_; }
  const async::Endpoint& http() const override { return http_; }

 private:
  template <class Page>
  void add_page(std::string_view path, Page page) {
    routes_.add("GET", path, [page](const HttpCall&, const HttpReply& reply) { reply(page()); });
  }

  template <class MakeHandler>
  Result<async::Endpoint> listen(const async::Endpoint& at, const char* name, MakeHandler make_handler) {
    auto endpoint = runtime_.listen({at, name, options_.connections_max}, std::move(make_handler));
    if (!endpoint) runtime_.stop(0);  // the other port may be open, and its connections use this object
    return endpoint;
  }

  http::Response readiness() const {
    const db::Database* const database = database_;
    const bool ready = database != nullptr && database->ready();
    Bytes body = ready ? "ready\n" : "not ready\n";
    for (const auto& [name, value] : database == nullptr ? opening_.state() : database->state()) {
      body += fmt::format("{}: {}\n", name, value);
    }
    return http::text_response(ready ? 200 : 503, std::move(body));
  }

  const ServerOptions options_;
  async::Runtime& runtime_;
  Executor& workers_;
  const Clock& clock_;
  MetricsRegistry& metrics_;
  MemoryBudget start_pages_{"start_pages", kStartPagesBytes};
  HttpRoutes routes_;
  Opening opening_;
  /// Null until CQL is open.
  std::atomic<db::Database*> database_{nullptr};
  std::optional<SessionContext> context_;
  async::Endpoint cql_, http_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open_pages(const ServerOptions& options, async::Runtime& runtime,
                                                   Executor& workers, const Clock& clock, MetricsRegistry& metrics) {
  auto server = std::make_unique<RunningServer>(options, runtime, workers, clock, metrics);
  SAGITTA_CHECK(server->open_pages());
  return server;
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, async::Runtime& runtime,
                                              db::Database& database, Executor& workers, const Clock& clock,
                                              MetricsRegistry& metrics) {
  SAGITTA_TRY(auto server, open_pages(options, runtime, workers, clock, metrics));
  SAGITTA_CHECK(server->serve(database));
  return server;
}

}  // namespace sagitta::server
