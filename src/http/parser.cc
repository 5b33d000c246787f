/// The parser of messages (RFC 9112): a line at a time, then the body by length, by chunks, or up
/// to the end.
#include "sagitta/http/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "grammar.h"

namespace sagitta::http {
namespace {

/// A chunk's size and its extensions, which nobody sends.
constexpr size_t kChunkLineBytesMax = 1 << 10;
constexpr std::string_view kDigits = "0123456789";

std::unexpected<HttpError> refuse(int status, std::string message) {
  return std::unexpected(HttpError{status, std::move(message)});
}

/// The minor version of "HTTP/1.x".
Parsed<int> parse_version(std::string_view text) {
  const bool well_formed = text.size() == 8 && text.starts_with("HTTP/") && kDigits.contains(text[5]) &&
                           text[6] == '.' && kDigits.contains(text[7]);
  if (!well_formed) return refuse(400, "no HTTP version");
  if (text[5] != '1') return refuse(505, fmt::format("{} is not served, HTTP/1.1 is", text));
  return text[7] == '0' ? 0 : 1;
}

std::optional<uint64_t> parse_number(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

bool may_stand_in_line(char c) { return c == '\t' || (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f); }

}  // namespace

Parsed<Event> MessageParser::next(BytesView& input) {
  if (stage_ == Stage::kFailed) return std::unexpected(error_);
  if (stage_ == Stage::kOver) begin();
  for (;;) {
    auto event = step(input);
    if (!event) {
      stage_ = Stage::kFailed;
      error_ = event.error();
      return event;
    }
    if (event->kind != EventKind::kNeedMore || input.empty()) return event;
  }
}

/// One line, or one piece of the body. kNeedMore with input left means: go on.
Parsed<Event> MessageParser::step(BytesView& input) {
  if (stage_ == Stage::kBody) return read_data(input);
  const auto whole = read_line(input);
  if (!whole) return std::unexpected(whole.error());
  if (!*whole) return Event{};
  switch (stage_) {
    case Stage::kChunkLine: return read_chunk_line();
    case Stage::kTrailers: return read_trailer_line();
    case Stage::kChunkEnd:
      if (!line_.empty()) return refuse(400, "a chunk is longer than its size");
      stage_ = Stage::kChunkLine;
      return Event{};
    default: return read_head_line();
  }
}

void MessageParser::begin() {
  stage_ = Stage::kStartLine;
  section_bytes_ = 0;
  body_bytes_ = left_ = 0;
  framing_ = {};
  keep_alive_ = true;
  trailers_ = {};
  clear_head();
}

Parsed<bool> MessageParser::read_line(BytesView& input) {
  if (std::exchange(line_is_whole_, false)) line_.clear();
  const bool in_chunk = stage_ == Stage::kChunkLine || stage_ == Stage::kChunkEnd;
  const size_t bytes_max = in_chunk ? kChunkLineBytesMax : limits_.head_bytes_max - section_bytes_;
  const size_t feed = input.find('\n');
  BytesView taken = input.substr(0, feed == BytesView::npos ? feed : feed + 1);
  const bool is_too_long = line_.size() + taken.size() > bytes_max;
  if (is_too_long) taken = taken.substr(0, bytes_max - line_.size());
  // A carriage return that came last is looked at again: only the end of the line may follow it.
  const size_t unchecked = line_.size() - (line_.ends_with('\r') ? 1 : 0);
  line_ += taken;
  input.remove_prefix(taken.size());
  const bool ends = line_.ends_with('\n');
  if (ends && !line_.ends_with("\r\n")) return refuse(400, "a line ends without a carriage return");
  const size_t end_bytes = ends ? 2 : line_.ends_with('\r') ? 1 : 0;
  const BytesView text = BytesView(line_).substr(0, line_.size() - end_bytes);
  if (!std::ranges::all_of(text.substr(std::min(unchecked, text.size())), may_stand_in_line)) {
    return refuse(400, "a control character");
  }
  if (is_too_long) {
    return in_chunk ? refuse(400, "the line of a chunk's size is too long")
                    : refuse(431, fmt::format("header limit of {} bytes exceeded", limits_.head_bytes_max));
  }
  if (!ends) return false;
  line_.resize(text.size());
  line_is_whole_ = true;
  if (!in_chunk) section_bytes_ += line_.size() + 2;
  return true;
}

Parsed<Event> MessageParser::read_head_line() {
  if (stage_ == Stage::kStartLine) {
    if (line_.empty()) {  // clients of old sent one after a body
      section_bytes_ = 0;
      return Event{};
    }
    if (const auto status = parse_start_line(line_); !status) return std::unexpected(status.error());
    stage_ = Stage::kFields;
    return Event{};
  }
  if (line_.empty()) return end_of_head();
  if (const auto status = add_field(fields()); !status) return std::unexpected(status.error());
  return Event{};
}

Parsed<void> MessageParser::add_field(Fields& target) {
  if (target.size() >= limits_.fields_max) return refuse(431, fmt::format("more than {} fields", limits_.fields_max));
  const std::string_view line = line_;
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return refuse(400, "a field without a name");
  target.add(line.substr(0, colon), trim(line.substr(colon + 1)));
  return {};
}

Parsed<Event> MessageParser::end_of_head() {
  auto declared = declared_framing();
  if (!declared) return std::unexpected(declared.error());
  auto decided = framing(*declared);
  if (!decided) return std::unexpected(decided.error());
  framing_ = *decided;
  if (framing_.kind == FramingKind::kLength && framing_.length > limits_.body_bytes_max) {
    return refuse(413, fmt::format("a body of {} bytes, at most {}", framing_.length, limits_.body_bytes_max));
  }
  keep_alive_ = minor_version() == 0 ? fields().has_token("connection", "keep-alive")
                                     : !fields().has_token("connection", "close");
  keep_alive_ &= framing_.kind != FramingKind::kUntilClose;
  left_ = framing_.length;
  section_bytes_ = 0;
  stage_ = framing_.kind == FramingKind::kChunked ? Stage::kChunkLine : Stage::kBody;
  return Event{EventKind::kHead};
}

Parsed<std::optional<MessageParser::Framing>> MessageParser::declared_framing() {
  const size_t lengths = fields().count("content-length"), codings = fields().count("transfer-encoding");
  if (lengths + codings > 1) return refuse(400, "more than one of Content-Length and Transfer-Encoding");
  if (codings == 1) {
    if (minor_version() == 0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (!equal_ignoring_case(*fields().find("transfer-encoding"), "chunked")) {
      return refuse(501, "a transfer coding other than chunked");
    }
    return Framing{FramingKind::kChunked};
  }
  if (lengths == 0) return std::nullopt;
  const auto length = parse_number(*fields().find("content-length"), 10);
  if (!length) return refuse(400, "Content-Length is no number");
  return Framing{*length == 0 ? FramingKind::kNone : FramingKind::kLength, *length};
}

Parsed<Event> MessageParser::read_data(BytesView& input) {
  const bool until_close = framing_.kind == FramingKind::kUntilClose;
  if (left_ == 0 && !until_close) {
    if (framing_.kind == FramingKind::kChunked) {
      stage_ = Stage::kChunkEnd;
      return Event{};
    }
    stage_ = Stage::kOver;
    return Event{EventKind::kEnd};
  }
  if (input.empty()) return Event{};
  const BytesView data = input.substr(0, until_close ? limits_.body_bytes_max - body_bytes_ : left_);
  if (data.empty()) return refuse(413, fmt::format("a body of more than {} bytes", limits_.body_bytes_max));
  input.remove_prefix(data.size());
  body_bytes_ += data.size();
  if (!until_close) left_ -= data.size();
  return Event{EventKind::kData, data};
}

Parsed<Event> MessageParser::read_chunk_line() {
  const std::string_view line = line_;
  const auto size = parse_number(trim(line.substr(0, line.find(';'))), 16);
  if (!size) return refuse(400, "a chunk without a size");
  if (*size > limits_.body_bytes_max - body_bytes_) {
    return refuse(413, fmt::format("a body of more than {} bytes", limits_.body_bytes_max));
  }
  left_ = *size;
  stage_ = *size == 0 ? Stage::kTrailers : Stage::kBody;
  return Event{};
}

Parsed<Event> MessageParser::read_trailer_line() {
  if (line_.empty()) {
    stage_ = Stage::kOver;
    return Event{EventKind::kEnd};
  }
  if (const auto status = add_field(trailers_); !status) return std::unexpected(status.error());
  return Event{};
}

Parsed<Event> MessageParser::end() {
  if (stage_ == Stage::kFailed) return std::unexpected(error_);
  if (is_between_messages()) return Event{};
  if (stage_ == Stage::kBody && framing_.kind == FramingKind::kUntilClose) {
    stage_ = Stage::kOver;
    return Event{EventKind::kEnd};
  }
  stage_ = Stage::kFailed;
  error_ = {400, "the connection ended within a message"};
  return std::unexpected(error_);
}

std::optional<uint64_t> MessageParser::content_length() const {
  if (framing_.kind == FramingKind::kChunked || framing_.kind == FramingKind::kUntilClose) return {};
  return framing_.length;
}

Parsed<void> RequestParser::parse_start_line(std::string_view line) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return refuse(400, "no request line");
  head_.method = line.substr(0, first);
  head_.target = line.substr(first + 1, last - first - 1);
  if (!is_token(head_.method)) return refuse(400, "no method");
  const bool visible = std::ranges::all_of(head_.target, [](char c) { return c > ' ' && c != 0x7f; });
  if (head_.target.empty() || !visible) return refuse(400, "a target with blanks or control characters");
  const auto version = parse_version(line.substr(last + 1));
  if (!version) return std::unexpected(version.error());
  head_.minor_version = *version;
  return {};
}

Parsed<MessageParser::Framing> RequestParser::framing(std::optional<Framing> declared) const {
  if (head_.fields.count("host") > 1) return refuse(400, "more than one Host");
  return declared.value_or(Framing{});
}

Parsed<void> ResponseParser::parse_start_line(std::string_view line) {
  const auto version = parse_version(line.substr(0, 8));
  if (!version) return std::unexpected(version.error());
  head_.minor_version = *version;
  const bool has_status = line.size() >= 12 && line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
  const auto status = has_status ? parse_number(line.substr(9, 3), 10) : std::nullopt;
  if (!status || *status < 100) return refuse(400, "no status");
  head_.status = static_cast<int>(*status);
  head_.reason = line.size() > 13 ? line.substr(13) : "";
  return {};
}

Parsed<MessageParser::Framing> ResponseParser::framing(std::optional<Framing> declared) const {
  if (answers_head_ || !may_have_body(head_.status)) return Framing{};
  return declared.value_or(Framing{FramingKind::kUntilClose});
}

}  // namespace sagitta::http
