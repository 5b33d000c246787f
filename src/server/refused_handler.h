/// Connections that there is no memory for.
#pragma once

#include <memory>
#include <utility>

#include "sagitta/async/runtime.h"
#include "sagitta/base/logging.h"

namespace sagitta::server {

class RefusedHandler final : public async::ConnectionHandler {
 public:
  explicit RefusedHandler(async::ConnectionPtr connection) : connection_(std::move(connection)) {
    connection_->finish();
  }
  void on_data(BytesView) override {}
  void on_end() override {}
  void on_stop() override {}
  void on_closed() override { connection_.reset(); }

 private:
  async::ConnectionPtr connection_;
};

/// Closes the connection at once and logs why.
inline std::unique_ptr<async::ConnectionHandler> refuse_connection(const async::ConnectionPtr& connection,
                                                                   const Error& error) {
  log_warn("connection refused", {{"client", connection->peer().to_string()}, {"error", error.to_string()}});
  return std::make_unique<RefusedHandler>(connection);
}

}  // namespace sagitta::server
