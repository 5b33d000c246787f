/// The shell around `http::ServerConnection`: sockets, memory, routes.
#include "http_session.h"

#include "sagitta/http/server_connection.h"

#include "refused_handler.h"

namespace sagitta::server {
namespace {

class HttpSession final : public async::ConnectionHandler {
 public:
  HttpSession(const HttpRoutes& routes, MemoryBudget& budget, MemoryCharge charge, async::ConnectionPtr connection)
      : routes_(routes), budget_(budget), charge_(std::move(charge)), connection_(std::move(connection)) {}

  void on_data(BytesView bytes) override {
    auto charge = MemoryCharge::take(budget_, http_.held_bytes() + bytes.size());
    if (!charge) {
      http_.stop();
      return connection_->finish();
    }
    request_charge_ = std::move(*charge);
    http_.receive(bytes);
    serve();
  }
  void on_sent() override {
    answer_charge_ = {};
    serve();
  }
  void on_end() override {
    http_.receive_end();
    serve();
  }
  void on_stop() override {
    http_.stop();
    serve();
  }
  void on_closed() override { connection_.reset(); }

 private:
  /// Hands over the next request, unless the last answer is still on its way.
  void serve() {
    if (serving_ || connection_ == nullptr) return;
    serving_ = true;
    while (is_idle()) {
      auto request = http_.next();
      if (http_.has_output()) connection_->send(http_.take_output());
      if (!request) break;
      call(*std::move(request));
    }
    serving_ = false;
    if (http_.held_bytes() == 0 && !http_.is_answering()) request_charge_ = {};
    if (http_.is_finished()) connection_->finish();
    connection_->pause_reading(!is_idle());
  }

  bool is_idle() const { return !http_.is_answering() && !http_.is_finished() && connection_->unsent_bytes() == 0; }

  void call(http::Request request) {
    auto target = http::parse_target(request.head.target);
    if (!target) return answer(http::text_response(400, "no such target\n"));
    auto match = routes_.match(request.head.method, target->path);
    if (match.handler == nullptr) return answer(no_route(match.allowed));
    (*match.handler)({std::move(request), *std::move(target), std::move(match.parameters), {}}, reply());
  }

  static http::Response no_route(const std::string& allowed) {
    if (allowed.empty()) return http::text_response(404, "no such page\n");
    auto response = http::text_response(405, "only " + allowed + "\n");
    response.head.fields.add("Allow", allowed);
    return response;
  }

  HttpReply reply() {
    return [connection = connection_, self = std::weak_ptr(self_)](http::Response response) {
      connection->dispatch([self, response = std::move(response)]() mutable {
        const auto session = self.lock();
        if (session == nullptr) return;
        (*session)->answer(std::move(response));
        (*session)->serve();
      });
    };
  }

  void answer(http::Response response) {
    if (connection_ == nullptr || !http_.is_answering()) return;
    auto charge = MemoryCharge::take(budget_, response.body.size());
    if (charge) {
      answer_charge_ = std::move(*charge);
    } else {
      response = http::text_response(503, charge.error().message() + "\n");
    }
    http_.respond(std::move(response));
    connection_->send(http_.take_output());
  }

  const HttpRoutes& routes_;
  MemoryBudget& budget_;
  MemoryCharge charge_, request_charge_, answer_charge_;
  async::ConnectionPtr connection_;
  http::ServerConnection http_{kHttpLimits};
  bool serving_ = false;
  /// Replies that come late find the session by it, or that it is gone: both on the connection's
  /// core.
  std::shared_ptr<HttpSession*> self_ = std::make_shared<HttpSession*>(this);
};

}  // namespace

std::unique_ptr<async::ConnectionHandler> make_http_session(const HttpRoutes& routes, MemoryBudget& budget,
                                                            const async::ConnectionPtr& connection) {
  auto charge = MemoryCharge::take(budget, kHttpSessionBytes);
  if (!charge) return refuse_connection(connection, charge.error());
  return std::make_unique<HttpSession>(routes, budget, std::move(*charge), connection);
}

}  // namespace sagitta::server
