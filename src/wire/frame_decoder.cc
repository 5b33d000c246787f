// Frames out of the bytes of a connection.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/wire/frame.h"

#include "compression.h"
#include "segment.h"

namespace sagitta::wire {
namespace {

// Header of protocol versions 1 and 2: their stream id has one byte.
constexpr size_t kOldHeaderBytes = 8;
// Pieces of a large body.
constexpr size_t kPieceBytes = size_t{256} << 10;
// Plain bytes of the segments that one call opens.
constexpr size_t kOpenedBytesMax = size_t{256} << 10;

std::unexpected<FrameError> fatal(std::string message, uint8_t version = kVersionMax, int16_t stream = 0) {
  return std::unexpected(FrameError{Error(ErrorCode::kProtocol, std::move(message)), version, stream, true});
}

std::string unsupported_version_text(uint8_t version) {
  return fmt::format(
      "Invalid or unsupported protocol version ({}); the lowest supported version is {} and the greatest is {}",
      version, kVersionMin, kVersionMax);
}

}  // namespace

Status open_body(Frame& frame) {
  if (frame.body != nullptr) return {};
  Bytes joined;
  if (frame.stored.size() == 1) {
    joined = std::move(frame.stored[0]);
  } else {
    size_t bytes = 0;
    for (const Bytes& piece : frame.stored) bytes += piece.size();
    joined.reserve(bytes);
    for (Bytes& piece : frame.stored) joined += std::exchange(piece, Bytes());
  }
  frame.stored.clear();
  if (frame.compression != Compression::kNone && !joined.empty()) {
    SAGITTA_TRY(joined, frame.compression == Compression::kLz4 ? lz4_body_decompress(joined, frame.plain_bytes)
                                                               : snappy_body_decompress(joined, frame.plain_bytes));
  }
  frame.body = std::make_shared<const Bytes>(std::move(joined));
  return {};
}

struct FrameDecoder::Header {
  uint8_t version = 0, flags = 0, opcode = 0;
  int16_t stream = 0;
  int32_t length = 0;
};

void FrameDecoder::feed(BytesView bytes) {
  plain_.keep();
  input_.append(bytes);
}

void FrameDecoder::lend(BytesView bytes) {
  plain_.keep();
  input_.lend(bytes);
}

void FrameDecoder::keep() {
  plain_.keep();
  input_.keep();
}

FrameDecoder::Next FrameDecoder::next() {
  has_more_ = false;
  return segmented_ ? next_in_segments() : next_from(input_, false);
}

FrameDecoder::Next FrameDecoder::next_in_segments() {
  for (size_t opened_bytes = 0; opened_bytes < kOpenedBytesMax;) {
    Next frame = next_from(plain_, self_contained_);
    if (!frame || frame->has_value()) return frame;
    const size_t before = plain_.size();
    auto opened = open_segment();
    if (!opened) return std::unexpected(std::move(opened).error());
    if (!*opened) return std::nullopt;
    opened_bytes += plain_.size() - before;
  }
  has_more_ = true;
  return std::nullopt;
}

FrameDecoder::Next FrameDecoder::next_from(ByteQueue& queue, bool must_be_whole) {
  size_t skipped = std::min(skip_bytes_, queue.size());
  skip_bytes_ -= skipped;
  queue.consume(skipped);
  if (large_) return collect(queue);
  BytesView rest = queue.view();
  if (rest.empty()) return std::nullopt;
  bool old_header = (static_cast<uint8_t>(rest[0]) & ~kResponseBit) < 3;
  if (rest.size() < (old_header ? kOldHeaderBytes : kHeaderBytes)) {
    if (must_be_whole) return fatal("A self-contained segment ends inside a frame header");
    return std::nullopt;
  }
  auto header = read_header(rest);
  if (!header) return std::unexpected(std::move(header).error());
  version_ = header->version;
  auto length = static_cast<size_t>(header->length);
  bool whole = rest.size() - kHeaderBytes >= length;
  if (must_be_whole && !whole) return fatal("A self-contained segment ends inside a frame", version_, header->stream);
  if (length > frame_bytes_max_) {
    queue.consume(kHeaderBytes);
    skip_bytes_ = length;
    auto message = fmt::format("{} is too big: length {} exceeds maximum allowed length {}",
                               sender_ == Sender::kClient ? "Request" : "Response", length, frame_bytes_max_);
    return std::unexpected(FrameError{Error(ErrorCode::kInvalid, std::move(message)), version_, header->stream, false});
  }
  if (!whole && length <= large_bytes_) return std::nullopt;
  if (!whole) {
    queue.consume(kHeaderBytes);
    large_ = make_frame(*header);
    large_missing_ = length;
    return collect(queue);
  }
  Frame whole_frame = make_frame(*header);
  whole_frame.stored.emplace_back(rest.substr(kHeaderBytes, length));
  Next frame = finish(std::move(whole_frame));
  queue.consume(kHeaderBytes + length);
  queue.tidy();
  return frame;
}

FrameError FrameDecoder::give_up(Error why) {
  if (large_) {
    FrameError error{std::move(why), version_, large_->stream, false};
    large_.reset();
    skip_bytes_ = large_missing_;
    return error;
  }
  ByteQueue& queue = segmented_ ? plain_ : input_;
  const size_t have = queue.size();
  FrameError error{std::move(why), version_ != 0 ? version_ : kVersionMax, 0, true};
  if (have < kHeaderBytes) return error;
  const auto header = read_header(queue.view());
  if (!header) return error;
  error.version = version_ = header->version;
  error.stream = header->stream;
  error.fatal = false;
  skip_bytes_ = kHeaderBytes + static_cast<size_t>(header->length) - have;
  queue.consume(have);
  queue.tidy();
  return error;
}

std::expected<FrameDecoder::Header, FrameError> FrameDecoder::read_header(BytesView bytes) const {
  ByteReader in(bytes);
  auto first = *in.big<uint8_t>();
  Header header;
  header.version = first & static_cast<uint8_t>(~kResponseBit);
  header.flags = *in.big<uint8_t>();
  if (header.version < 3) return fatal(unsupported_version_text(header.version), kVersionMax, *in.big<int8_t>());
  header.stream = *in.big<int16_t>();
  header.opcode = *in.big<uint8_t>();
  header.length = *in.big<int32_t>();
  if (header.version < kVersionMin || header.version > kVersionMax) {
    return fatal(unsupported_version_text(header.version), kVersionMax, header.stream);
  }
  if (((first & kResponseBit) != 0) != (sender_ == Sender::kServer)) {
    return fatal(sender_ == Sender::kClient ? "A response came from the client" : "A request came from the server",
                 header.version, header.stream);
  }
  if (version_ != 0 && header.version != version_) {
    return fatal(fmt::format("Invalid message version. Got {} but previous messages on this connection had version {}",
                             header.version, version_),
                 version_, header.stream);
  }
  if (header.length < 0) {
    return fatal(fmt::format("Invalid frame body length: {}", header.length), header.version, header.stream);
  }
  return header;
}

FrameDecoder::Next FrameDecoder::collect(ByteQueue& queue) {
  BytesView come = queue.view().substr(0, large_missing_);
  queue.consume(come.size());
  large_missing_ -= come.size();
  while (!come.empty()) {
    auto& pieces = large_->stored;
    if (pieces.empty() || pieces.back().size() == kPieceBytes) pieces.emplace_back();
    const size_t count = std::min(come.size(), kPieceBytes - pieces.back().size());
    pieces.back() += come.substr(0, count);
    come.remove_prefix(count);
  }
  queue.tidy();
  if (large_missing_ > 0) return std::nullopt;
  Frame frame = *std::exchange(large_, std::nullopt);
  return finish(std::move(frame));
}

size_t FrameDecoder::large_bytes_held() const {
  size_t bytes = 0;
  // All pieces but the last are full.
  if (large_ && !large_->stored.empty())
    bytes = (large_->stored.size() - 1) * kPieceBytes + large_->stored.back().size();
  return bytes;
}

Frame FrameDecoder::make_frame(const Header& header) const {
  Frame frame{header.version, header.flags, header.stream, header.opcode, nullptr};
  frame.plain_bytes = static_cast<size_t>(header.length);
  if (header.version == 4 && (header.flags & frame_flags::kCompressed)) frame.compression = compression_;
  return frame;
}

FrameDecoder::Next FrameDecoder::finish(Frame frame) const {
  const auto refuse = [&](Error error) {
    return std::unexpected(FrameError{std::move(error), frame.version, frame.stream, false});
  };
  const bool compressed = frame.version == 4 && (frame.flags & frame_flags::kCompressed) && frame.plain_bytes > 0;
  if (compressed) {
    if (compression_ == Compression::kNone) {
      return refuse(Error(ErrorCode::kProtocol, "Received a compressed frame but no compression was negotiated"));
    }
    const auto plain_bytes = body_plain_bytes(compression_, frame.stored[0], frame_bytes_max_);
    if (!plain_bytes) return refuse(plain_bytes.error());
    frame.plain_bytes = *plain_bytes;
  }
  frame.flags &= static_cast<uint8_t>(~frame_flags::kCompressed);
  const bool large = frame.plain_bytes > large_bytes_ || frame.stored.size() > 1;
  if (large) return frame;
  if (const Status opened = open_body(frame); !opened) return refuse(opened.error());
  return frame;
}

std::expected<bool, FrameError> FrameDecoder::open_segment() {
  bool compressed = compression_ != Compression::kNone;
  size_t header_bytes = segment_header_bytes(compressed);
  BytesView rest = input_.view();
  if (rest.size() < header_bytes) return false;
  auto header = read_segment_header(rest, compressed);
  if (!header) return fatal("Corrupted segment header: its CRC24 does not match");
  rest.remove_prefix(header_bytes);
  if (rest.size() < header->payload_bytes + kSegmentTrailerBytes) return false;
  BytesView stored = rest.substr(0, header->payload_bytes);
  if (!segment_trailer_matches(stored, rest.substr(stored.size()))) {
    return fatal("Corrupted segment payload: its CRC32 does not match");
  }
  bool inside_a_frame = plain_.size() > 0 || skip_bytes_ > 0 || large_;
  if (header->self_contained && inside_a_frame) return fatal("A self-contained segment came inside a large frame");
  if (header->plain_bytes == 0) {
    plain_.lend(stored);
  } else if (auto opened = lz4_append(stored, header->plain_bytes, plain_.tail()); !opened) {
    return fatal(opened.error().message());
  }
  self_contained_ = header->self_contained;
  input_.consume(header_bytes + stored.size() + kSegmentTrailerBytes);
  return true;
}

}  // namespace sagitta::wire
