/// One HTTP/1.1 connection: small GET pages for machines.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sagitta/async/runtime.h"
#include "sagitta/base/budget.h"

namespace sagitta::server {

struct Page {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// Pages by path. Called on any core.
using Routes = std::map<std::string, std::function<Page()>, std::less<>>;

/// Charged for a connection at rest. What it has sent of its requests and what is unsent of pages is charged on top.
inline constexpr size_t kHttpSessionBytes = size_t{16} << 10;
/// Request line and headers; longer ones answer 400.
inline constexpr uint32_t kHttpHeaderBytesMax = 16 << 10;

/// `routes` and `budget` must outlive the handler. Other paths answer 404, other methods 405, bytes that are no HTTP
/// 400. One answer is on its way at a time: until the client has taken it, its next requests are not read. A page that
/// the budget has no room for answers 503; a connection that it has none for is closed.
std::unique_ptr<async::ConnectionHandler> make_http_session(const Routes& routes, MemoryBudget& budget,
                                                            const async::ConnectionPtr& connection);

}  // namespace sagitta::server
