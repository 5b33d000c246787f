#include "http_session.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <optional>

namespace sagitta::server {
namespace {

namespace http = boost::beast::http;

constexpr uint32_t kHeaderBytesMax = 16 * 1024;

class HttpSession final : public async::ConnectionHandler {
 public:
  HttpSession(const Routes& routes, async::ConnectionPtr connection)
      : routes_(routes), connection_(std::move(connection)) {
    expect_request();
  }

  void on_data(BytesView bytes) override {
    if (finished_) return;
    unread_ += bytes;
    while (!finished_ && !unread_.empty() && parse()) {
    }
  }
  void on_end() override { connection_->finish(); }
  void on_stop() override { connection_->finish(); }
  void on_closed() override { connection_.reset(); }

 private:
  void expect_request() {
    parser_.emplace();
    parser_->header_limit(kHeaderBytesMax);
    parser_->eager(true);
  }

  /// True when a request was answered and there may be another.
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

  void answer(const Page& page, bool keep_alive) {
    const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    const auto reason = http::obsolete_reason(static_cast<http::status>(page.status));
    connection_->send(
        fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n{}", page.status,
                    std::string_view(reason.data(), reason.size()), page.content_type, page.body.size(),
                    keep_alive ? "keep-alive" : "close", head ? "" : page.body));
    if (!keep_alive) {
      finished_ = true;
      connection_->finish();
    }
  }

  const Routes& routes_;
  async::ConnectionPtr connection_;
  Bytes unread_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<async::ConnectionHandler> make_http_session(const Routes& routes,
                                                            const async::ConnectionPtr& connection) {
  return std::make_unique<HttpSession>(routes, connection);
}

}  // namespace sagitta::server
