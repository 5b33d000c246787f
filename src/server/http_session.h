/// One HTTP/1.1 connection: small GET pages for machines.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sagitta/async/runtime.h"

namespace sagitta::server {

struct Page {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// Pages by path. Called on any core.
using Routes = std::map<std::string, std::function<Page()>, std::less<>>;

/// `routes` must outlive the handler. Other paths answer 404, other methods 405, bytes that are no HTTP 400.
std::unique_ptr<async::ConnectionHandler> make_http_session(const Routes& routes,
                                                            const async::ConnectionPtr& connection);

}  // namespace sagitta::server
