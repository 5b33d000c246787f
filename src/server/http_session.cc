#include "http_session.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <optional>

#include "refused_handler.h"

namespace sagitta::server {
namespace {

namespace http = boost::beast::http;

class HttpSession final : public async::ConnectionHandler {
 public:
  HttpSession(const Routes& routes, MemoryBudget& budget, MemoryCharge charge, async::ConnectionPtr connection)
      : routes_(routes), budget_(budget), charge_(std::move(charge)), connection_(std::move(connection)) {
    expect_request();
  }

  void on_data(BytesView bytes) override {
    if (finished_) return;
    auto charge = MemoryCharge::take(budget_, unread_.size() + bytes.size());
    if (!charge) return finish();
    unread_charge_ = std::move(*charge);
    unread_ += bytes;
    serve();
  }
  void on_sent() override {
    page_charge_ = {};
    serve();
  }
  void on_end() override {
    ended_ = true;
    serve();
  }
  void on_stop() override { finish(); }
  void on_closed() override { connection_.reset(); }

 private:
  void expect_request() {
    parser_.emplace();
    parser_->header_limit(kHttpHeaderBytesMax);
    parser_->eager(true);
  }

  /// Answers the next request, unless the last answer is still on its way.
  void serve() {
    while (is_idle() && !unread_.empty() && parse()) {
    }
    if (unread_.empty()) {
      unread_ = Bytes();
      unread_charge_ = {};
    }
    if (ended_ && is_idle()) finish();
    connection_->pause_reading(!is_idle());
  }

  bool is_idle() const { return !finished_ && connection_->unsent_bytes() == 0; }

  void finish() {
    finished_ = true;
    unread_ = Bytes();
    unread_charge_ = {};
    connection_->finish();
  }

  /// True when a request was answered.
  bool parse() {
    boost::system::error_code error;
    const size_t used = parser_->put(boost::asio::buffer(unread_), error);
    unread_.erase(0, used);
    if (error == http::error::need_more) return false;
    if (error) {
      answer({400, "text/plain; charset=utf-8", "bad request: " + error.message() + "\n"}, false);
      return false;
    }
    if (!parser_->is_done()) return false;
    answer(page(), parser_->keep_alive());
    expect_request();
    return true;
  }

  Page page() const {
    const auto& request = parser_->get();
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
    }
    const std::string_view target(request.target().data(), request.target().size());
    const auto found = routes_.find(target.substr(0, target.find('?')));
    return found == routes_.end() ? Page{404, "text/plain; charset=utf-8", "no such page\n"} : found->second();
  }

  void answer(Page page, bool keep_alive) {
    auto charge = MemoryCharge::take(budget_, page.body.size());
    if (charge) {
      page_charge_ = std::move(*charge);
    } else {
      page = {503, "text/plain; charset=utf-8", charge.error().message() + "\n"};
    }
    const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    const auto reason = http::obsolete_reason(static_cast<http::status>(page.status));
    connection_->send(
        fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n{}", page.status,
                    std::string_view(reason.data(), reason.size()), page.content_type, page.body.size(),
                    keep_alive ? "keep-alive" : "close", head ? "" : page.body));
    if (!keep_alive) finish();
  }

  const Routes& routes_;
  MemoryBudget& budget_;
  MemoryCharge charge_, unread_charge_, page_charge_;
  async::ConnectionPtr connection_;
  Bytes unread_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  bool finished_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<async::ConnectionHandler> make_http_session(const Routes& routes, MemoryBudget& budget,
                                                            const async::ConnectionPtr& connection) {
  auto charge = MemoryCharge::take(budget, kHttpSessionBytes);
  if (!charge) return refuse_connection(connection, charge.error());
  return std::make_unique<HttpSession>(routes, budget, std::move(*charge), connection);
}

}  // namespace sagitta::server
