/// Requests and the responses that belong to them.
#include "sagitta/http/client_connection.h"

#include <fmt/format.h>

#include "sagitta/base/assert.h"
#include "sagitta/http/writer.h"

namespace sagitta::http {

void ClientConnection::send(Request request) {
  SAGITTA_ASSERT(is_reusable());
  Fields& fields = request.head.fields;
  if (fields.count("host") == 0) fields.add("Host", authority_);
  fields.remove("transfer-encoding");
  fields.remove("content-length");
  const std::string& method = request.head.method;
  if (!request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    fields.add("Content-Length", fmt::format("{}", request.body.size()));
  }
  output_ += write_head(request.head);
  output_ += request.body;
  methods_.push_back(std::move(request.head.method));
}

Parsed<std::optional<Response>> ClientConnection::next() {
  for (;;) {
    const auto event = parse();
    if (!event) {
      closed_ = true;
      return std::unexpected(event.error());
    }
    switch (event->kind) {
      case EventKind::kNeedMore: return std::nullopt;
      case EventKind::kHead: response_.head = parser_.head(); break;
      case EventKind::kData: response_.body += event->data; break;
      case EventKind::kEnd:
        if (auto response = finish_response(); !response || *response) return response;
    }
  }
}

Parsed<Event> ClientConnection::parse() {
  const auto broken = [](std::string message) { return std::unexpected(HttpError{502, std::move(message)}); };
  if (methods_.empty()) return unread_.empty() ? Parsed<Event>(Event{}) : broken("a response to no request");
  if (closed_) return broken("the server closes before all requests are answered");
  if (parser_.is_between_messages()) parser_.expect(methods_.front());
  BytesView input = unread_;
  auto event = parser_.next(input);
  if (event && event->kind == EventKind::kData) {
    response_.body += event->data;  // before the bytes that it lies in go
    event->data = {};
  }
  unread_.erase(0, unread_.size() - input.size());
  if (!event || event->kind != EventKind::kNeedMore || !ended_) return event;
  const auto last = parser_.end();
  return last && last->kind == EventKind::kNeedMore ? broken("the server closes without an answer") : last;
}

/// Nothing when it was an interim one.
Parsed<std::optional<Response>> ClientConnection::finish_response() {
  response_.trailers = parser_.trailers();
  if (response_.head.status < 200) {
    response_ = {};
    return std::nullopt;
  }
  methods_.pop_front();
  closed_ |= !parser_.keep_alive();
  return std::exchange(response_, {});
}

}  // namespace sagitta::http
