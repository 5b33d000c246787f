/// The server's end of a connection without the socket: bytes in, whole requests out; responses in,
/// bytes out.
#pragma once

#include <cstdint>
#include <optional>

#include "sagitta/base/bytes.h"
#include "sagitta/http/message.h"
#include "sagitta/http/parser.h"

namespace sagitta::http {

/// Requests are answered one at a time and in order, now or later; pipelined ones wait unread. What
/// is no HTTP, or over a limit, it refuses by itself and is finished. It answers `Expect:
/// 100-continue` when the body has not come yet, frames responses, and closes when either side
/// asked for it. Not thread-safe.
class ServerConnection {
 public:
  explicit ServerConnection(Limits limits = {}) : parser_(limits) {}

  /// Bytes from the client. Dropped when finished.
  void receive(BytesView bytes);
  /// The client sent its last byte: what has come is still answered.
  void receive_end() { ended_ = true; }

  /// The next request, with its body; nothing while one waits for its answer or is not whole.
  std::optional<Request> next();

  /// Answers what next() gave. Length and connection fields are added; bodies are left out where
  /// HTTP has none.
  void respond(Response response);

  /// The same in pieces: begin, write as often as it takes, end. Chunked, unless `head` says a
  /// length, which the pieces must then sum up to, or the client speaks HTTP/1.0.
  void begin_response(ResponseHead head);
  void write(BytesView data);
  void end_response(const Fields& trailers = {});
  /// The rest of a response will not come: the connection ends here, so that the client sees that
  /// it is cut.
  void abort_response();

  /// No further requests: finished at once, or with the answer under way.
  void stop();

  Bytes take_output() { return std::exchange(output_, Bytes()); }
  bool has_output() const { return !output_.empty(); }
  /// A request waits for its answer.
  bool is_answering() const { return answering_; }
  /// Close the connection when the output is sent.
  bool is_finished() const { return finished_; }
  /// What is held of requests: bytes that are not parsed, and the part of a body that has come.
  size_t held_bytes() const { return unread_.size() + request_.body.size(); }

 private:
  enum class Coding : uint8_t { kNone, kLength, kChunked, kUntilClose };

  std::optional<Request> parse(BytesView& input);
  bool take_head(bool body_has_come);
  void refuse(const HttpError& error);
  void finish_answer();
  /// Adds what says whether the connection goes on.
  void set_connection(ResponseHead& head);

  RequestParser parser_;
  Bytes unread_;
  size_t taken_ = 0;  ///< of unread_
  Bytes output_;
  Request request_;
  bool ended_ = false, answering_ = false, finished_ = false, stopping_ = false;
  // Of the request that is being answered.
  bool keep_alive_ = true, head_only_ = false;
  int minor_version_ = 1;
  Coding coding_ = Coding::kNone;
  uint64_t left_ = 0;  ///< of a response with a length
};

}  // namespace sagitta::http
