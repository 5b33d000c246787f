/// HTTP/1.1 from bytes, in pieces of any size and without a socket: `next()` takes from the front
/// of what came and says what it found. Bodies pass through as views; only an unfinished line is
/// kept.
///
/// Strict where lenience has let requests be smuggled (RFC 9112 §11.2): lines end in CRLF, a name
/// is followed by its colon, a length and a transfer coding exclude each other, and a length stands
/// once.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "sagitta/base/bytes.h"
#include "sagitta/http/message.h"

namespace sagitta::http {

template <class T>
using Parsed = std::expected<T, HttpError>;

enum class EventKind : uint8_t {
  kNeedMore,  ///< all input was taken, and the message goes on
  kHead,      ///< start line and fields are whole
  kData,      ///< a piece of the body
  kEnd,       ///< the message is over; the next call begins another
};

struct Event {
  EventKind kind = EventKind::kNeedMore;
  BytesView data = {};  ///< of kData: a view into the input
};

/// What requests and responses have in common. Not thread-safe. After an error every call returns
/// it again.
class MessageParser {
 public:
  virtual ~MessageParser() = default;

  /// Takes from the front of `input` up to the next event. Errors: 400 bytes that are no HTTP/1,
  /// 413, 431 a limit, 501 a transfer coding, 505 a version. A body whose length is over the limit
  /// is refused with its head.
  Parsed<Event> next(BytesView& input);
  /// The other side sent its last byte. kEnd when that ends a body, kNeedMore when no message had
  /// begun; else an error.
  Parsed<Event> end();

  /// Whole after kEnd.
  const Fields& trailers() const { return trailers_; }
  /// From kHead on: whether the connection outlives this message.
  bool keep_alive() const { return keep_alive_; }
  /// From kHead on: false when the head ends the message.
  bool has_body() const { return framing_.kind != FramingKind::kNone; }
  /// From kHead on; nothing when only the end will tell.
  std::optional<uint64_t> content_length() const;
  /// No byte of a message has come since the last one ended.
  bool is_between_messages() const { return stage_ == Stage::kOver || (stage_ == Stage::kStartLine && line_.empty()); }

 protected:
  enum class FramingKind : uint8_t { kNone, kLength, kChunked, kUntilClose };
  struct Framing {
    FramingKind kind = FramingKind::kNone;
    uint64_t length = 0;
  };

  explicit MessageParser(Limits limits) : limits_(limits) {}
  virtual Parsed<void> parse_start_line(std::string_view line) = 0;
  virtual void clear_head() = 0;
  virtual Fields& fields() = 0;
  virtual int minor_version() const = 0;
  /// `declared` is what the fields say, if they say anything.
  virtual Parsed<Framing> framing(std::optional<Framing> declared) const = 0;

 private:
  enum class Stage : uint8_t { kStartLine, kFields, kBody, kChunkLine, kChunkEnd, kTrailers, kOver, kFailed };

  Parsed<Event> step(BytesView& input);
  void begin();
  /// True when `line_` is a whole line, without its end.
  Parsed<bool> read_line(BytesView& input);
  Parsed<Event> read_head_line();
  Parsed<Event> end_of_head();
  Parsed<std::optional<Framing>> declared_framing();
  Parsed<Event> read_data(BytesView& input);
  Parsed<Event> read_chunk_line();
  Parsed<Event> read_trailer_line();
  Parsed<void> add_field(Fields& target);

  const Limits limits_;
  Stage stage_ = Stage::kStartLine;
  Bytes line_;
  bool line_is_whole_ = false;
  size_t section_bytes_ = 0;
  Framing framing_;
  uint64_t left_ = 0;  ///< of the body, or of the chunk
  uint64_t body_bytes_ = 0;
  bool keep_alive_ = true;
  Fields trailers_;
  HttpError error_;
};

class RequestParser final : public MessageParser {
 public:
  explicit RequestParser(Limits limits = {}) : MessageParser(limits) {}
  /// Whole from kHead on, until the next message begins. Its Host may be missing: nothing here goes
  /// by names.
  const RequestHead& head() const { return head_; }

 private:
  Parsed<void> parse_start_line(std::string_view line) override;
  void clear_head() override { head_ = {}; }
  Fields& fields() override { return head_.fields; }
  int minor_version() const override { return head_.minor_version; }
  Parsed<Framing> framing(std::optional<Framing> declared) const override;

  RequestHead head_;
};

class ResponseParser final : public MessageParser {
 public:
  explicit ResponseParser(Limits limits = {}) : MessageParser(limits) {}
  /// The method of the request that the next response answers: HEAD's has no body. GET unless said
  /// otherwise.
  void expect(std::string_view request_method) { answers_head_ = request_method == "HEAD"; }
  const ResponseHead& head() const { return head_; }

 private:
  Parsed<void> parse_start_line(std::string_view line) override;
  void clear_head() override { head_ = {}; }
  Fields& fields() override { return head_.fields; }
  int minor_version() const override { return head_.minor_version; }
  Parsed<Framing> framing(std::optional<Framing> declared) const override;

  ResponseHead head_;
  bool answers_head_ = false;
};

}  // namespace sagitta::http
