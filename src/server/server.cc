#include "sagitta/server/server.h"

#include <fmt/format.h>

#include "cql_session.h"
#include "http_session.h"

namespace sagitta::server {
namespace {

class RunningServer final : public Server {
 public:
  RunningServer(const ServerOptions& options, db::Database& database, Executor& workers, const Clock& clock,
                MetricsRegistry& metrics)
      : database_(database),
        context_{.database = database,
                 .clock = clock,
                 .request_timeout_us = options.request_timeout_ms * 1000,
                 .requests = metrics.counter("sagitta_cql_requests_total", "CQL requests received."),
                 .errors = metrics.counter("sagitta_cql_errors_total", "CQL requests answered with an error."),
                 .in_flight = metrics.gauge("sagitta_cql_requests_in_flight", "CQL requests not answered yet."),
                 .seconds =
                     metrics.histogram("sagitta_cql_request_seconds", "Time from request to answer.", latency_bounds()),
                 .workers = workers} {
    add_page("/healthz", [] { return http::text_response(200, "ok\n"); });
    add_page("/readyz", [this] { return readiness(); });
    add_page("/metrics", [&metrics] {
      return http::text_response(200, metrics.render(), "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  Status listen(const ServerOptions& options, async::Runtime& runtime) {
    SAGITTA_TRY(http_, runtime.listen({options.http, "http", options.connections_max}, [this](const auto& connection) {
      return make_http_session(routes_, database_.budgets().sessions, connection);
    }));
    SAGITTA_TRY(cql_, runtime.listen({options.cql, "cql", options.connections_max}, [this](const auto& connection) {
      return make_cql_session(context_, connection);
    }));
    return {};
  }

  const async::Endpoint& cql() const override { return cql_; }
  const async::Endpoint& http() const override { return http_; }

 private:
  template <class Page>
  void add_page(std::string_view path, Page page) {
    routes_.add("GET", path, [page](const HttpCall&, const HttpReply& reply) { reply(page()); });
  }

  http::Response readiness() const {
    const bool ready = database_.ready();
    Bytes body = ready ? "ready\n" : "not ready\n";
    for (const auto& [name, value] : database_.state()) body += fmt::format("{}: {}\n", name, value);
    return http::text_response(ready ? 200 : 503, std::move(body));
  }

  db::Database& database_;
  SessionContext context_;
  HttpRoutes routes_;
  async::Endpoint cql_, http_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, async::Runtime& runtime,
                                              db::Database& database, Executor& workers, const Clock& clock,
                                              MetricsRegistry& metrics) {
  auto server = std::make_unique<RunningServer>(options, database, workers, clock, metrics);
  if (const Status listening = server->listen(options, runtime); !listening) {
    runtime.stop(0);  // one port may be open already, and its connections use the server
    return fail(listening);
  }
  return server;
}

}  // namespace sagitta::server
