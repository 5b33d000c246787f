/// One HTTP/1.1 connection: requests to the routes, their answers back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sagitta/async/runtime.h"
#include "sagitta/base/budget.h"
#include "sagitta/http/message.h"
#include "sagitta/http/router.h"
#include "sagitta/http/target.h"

namespace sagitta::server {

/// A request as its handler gets it.
struct HttpCall {
  http::Request request;
  http::Target target;
  /// What the names in the route's pattern stand for.
  http::PathParameters parameters;
  /// Who asks; empty as long as nobody has to say so.
  std::string user;
};

/// Call it once, now or later, on any thread. A call after the connection is gone does nothing.
using HttpReply = std::function<void(http::Response)>;
/// Called on any core; must not block.
using HttpHandler = std::function<void(HttpCall, HttpReply)>;
using HttpRoutes = http::Router<HttpHandler>;

/// Charged for a connection at rest. What it has sent of its requests and what is unsent of answers
/// is charged on top.
inline constexpr size_t kHttpSessionBytes = size_t{16} << 10;
inline constexpr http::Limits kHttpLimits{.head_bytes_max = 16 << 10, .fields_max = 100, .body_bytes_max = 1 << 20};

/// `routes` and `budget` must outlive the handler. Other paths answer 404, other methods 405, bytes
/// that are no HTTP 400, what is over a limit 413 or 431. One answer is on its way at a time: until
/// the client has taken it, its next requests are not read. An answer that the budget has no room
/// for is a 503; a connection that it has none for is closed.
std::unique_ptr<async::ConnectionHandler> make_http_session(const HttpRoutes& routes, MemoryBudget& budget,
                                                            const async::ConnectionPtr& connection);

}  // namespace sagitta::server
