/// The client's end of a connection without the socket: requests in, bytes out; bytes in, whole
/// responses out.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "sagitta/base/bytes.h"
#include "sagitta/http/message.h"
#include "sagitta/http/parser.h"

namespace sagitta::http {

/// Requests may be sent before earlier ones are answered; responses come in their order. Interim
/// responses (1xx) are passed over. Whoever wants bodies in pieces uses `ResponseParser` instead.
/// Not thread-safe.
class ClientConnection {
 public:
  /// `authority` is the Host of requests that do not name one: "127.0.0.1:8082".
  explicit ClientConnection(std::string authority, Limits limits = {})
      : authority_(std::move(authority)), parser_(limits) {}

  /// Host and the length of the body are added. Asserts is_reusable().
  void send(Request request);
  Bytes take_output() { return std::exchange(output_, Bytes()); }

  void receive(BytesView bytes) { unread_ += bytes; }
  /// The server sent its last byte.
  void receive_end() { ended_ = true; }

  /// The next whole response; nothing when it has not come yet. Errors, after which the connection
  /// is of no use: bytes that are no HTTP, a limit, a response to nothing, an end before all
  /// requests are answered.
  Parsed<std::optional<Response>> next();

  /// Requests without a response.
  size_t awaited_count() const { return methods_.size(); }
  /// The connection is whole and the server keeps it open: more requests may be sent.
  bool is_reusable() const { return !closed_ && !ended_; }

 private:
  Parsed<Event> parse();
  Parsed<std::optional<Response>> finish_response();

  const std::string authority_;
  ResponseParser parser_;
  Bytes output_, unread_;
  std::deque<std::string> methods_;
  Response response_;
  bool ended_ = false, closed_ = false;
};

}  // namespace sagitta::http
