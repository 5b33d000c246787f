/// Frames of the native protocol to and from a byte stream, without I/O: a server or a client feeds
/// what it read and takes frames; it hands over frames and writes the bytes it gets. Covers plain
/// v4 and v5 frames, v4 bodies in lz4 or snappy, and v5 segments (CRC24 and CRC32, plain or lz4,
/// many frames in one segment, one frame over many).
///
/// Both classes belong to one connection and are not thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/limits.h"
#include "sagitta/base/result.h"
#include "sagitta/wire/byte_queue.h"
#include "sagitta/wire/protocol.h"

namespace sagitta::wire {

/// Whose frames go in a direction of a connection: a client's are requests, a server's are
/// responses.
enum class Sender : uint8_t { kClient, kServer };

/// A frame whose body, as it came or plain, is longer than this is large: opening it is work for
/// another thread.
inline constexpr size_t kLargeFrameBytes = size_t{64} << 10;

/// A frame as it came, its body plain. Bodies are shared, so that what is decoded can point into
/// them.
struct Frame {
  uint8_t version = kVersionMax;
  uint8_t flags = 0;
  int16_t stream = 0;
  uint8_t opcode = 0;                 ///< not checked yet
  std::shared_ptr<const Bytes> body;  ///< null in a large frame until it is opened
  size_t plain_bytes = 0;             ///< of the body, as the frame claims; at most the decoder's limit

  /// Of a large frame: the body as it came, in pieces.
  std::vector<Bytes> stored = {};
  Compression compression = Compression::kNone;
};

/// Gives a large frame its body: joins the pieces, decompresses them. Any thread; takes time.
/// kProtocol when the body is damaged.
Status open_body(Frame& frame);

/// Why no frame came out, and of which stream it would have been: a server answers it with an
/// ERROR, a client fails the request of that stream. After a fatal one the connection cannot be
/// read on and is closed. After another it lives; the frame at fault is skipped.
struct FrameError {
  Error error;
  uint8_t version = kVersionMax;
  int16_t stream = 0;
  bool fatal = true;
};

class FrameDecoder {
 public:
  explicit FrameDecoder(size_t frame_bytes_max = limits::kFrameBytesMax, Sender sender = Sender::kClient,
                        size_t large_bytes = kLargeFrameBytes)
      : frame_bytes_max_(frame_bytes_max), large_bytes_(large_bytes), sender_(sender) {}

  /// Adds bytes read from the peer. Memory grows with the bytes that came, never with a length that
  /// a header claims.
  void feed(BytesView bytes);
  /// As feed, but the bytes need not be copied: they stay until keep(), which is called before
  /// anything else is fed.
  void lend(BytesView bytes);
  void keep();

  /// The next whole frame; nothing when more bytes are needed. Call until it gives nothing. The
  /// first frame fixes the protocol version of the connection; a frame of another is a fatal error.
  /// After a fatal error call it no more. One call opens a few segments at most: it may give
  /// nothing, although it can go on (see has_more).
  std::expected<std::optional<Frame>, FrameError> next();
  /// The last next() gave nothing because it had opened enough: call it again, in another turn.
  bool has_more() const { return has_more_; }

  /// Drops what came of a frame that is not whole, and skips the rest of it as it comes: there is
  /// no memory for it. Call when next() gave nothing. The answer carries `why` and the frame's
  /// stream; it is fatal when no header has come yet, because then there is nobody to answer.
  FrameError give_up(Error why);
  /// What came of the body of a large frame that is not whole. After it, only give_up() may be
  /// called, or the decoder is of no more use.
  std::vector<Bytes> take_large() { return large_ ? std::exchange(large_->stored, {}) : std::vector<Bytes>(); }

  /// Of the bodies of v4 frames (where flagged) or of v5 segments (kLz4 or kNone): from STARTUP on.
  void set_compression(Compression compression) { compression_ = compression; }
  /// v5: all that follows comes in segments. A server calls it when STARTUP was taken from next(),
  /// a client when READY or AUTHENTICATE was, before the next call of next().
  void use_segments() { segmented_ = true; }

  /// Bytes held that are no taken frame yet: what a session charges to its budget.
  size_t buffered() const { return input_.size() + plain_.size() + large_bytes_held(); }

 private:
  struct Header;
  using Next = std::expected<std::optional<Frame>, FrameError>;

  Next next_from(ByteQueue& queue, bool must_be_whole);
  Next next_in_segments();
  Next collect(ByteQueue& queue);
  size_t large_bytes_held() const;
  std::expected<bool, FrameError> open_segment();
  std::expected<Header, FrameError> read_header(BytesView bytes) const;
  Frame make_frame(const Header& header) const;
  Next finish(Frame frame) const;

  ByteQueue input_;        ///< as read
  ByteQueue plain_;        ///< payloads of opened segments; those that came plain are lent by input_
  size_t skip_bytes_ = 0;  ///< rest of a refused frame
  /// A large frame while it comes: its body goes to pieces of its own, so that no buffer is copied
  /// as it grows.
  std::optional<Frame> large_;
  size_t large_missing_ = 0;
  bool has_more_ = false;
  size_t frame_bytes_max_, large_bytes_;
  Sender sender_;
  uint8_t version_ = 0;  ///< 0 until the first frame
  Compression compression_ = Compression::kNone;
  bool segmented_ = false;
  bool self_contained_ = true;  ///< the kind of the segments in plain_
};

/// One frame to be sent, a request or a response. `body` is plain.
struct OutgoingFrame {
  uint8_t version = kVersionMax;
  uint8_t flags = 0;
  int16_t stream = 0;
  Opcode opcode = Opcode::kError;
  Bytes body;
};

class FrameEncoder {
 public:
  explicit FrameEncoder(Sender sender = Sender::kServer) : sender_(sender) {}

  /// Appends the bytes of `frames` to `out`. In segments, small frames share one, and a big one
  /// spans several. A body over 64 bytes is compressed when the connection compresses and when that
  /// makes it smaller.
  void encode(std::span<const OutgoingFrame> frames, Bytes& out) const;
  void encode(const OutgoingFrame& frame, Bytes& out) const { encode(std::span(&frame, 1), out); }

  void set_compression(Compression compression) { compression_ = compression; }
  /// v5: from what follows the server's answer to STARTUP on (that answer is still bare).
  void use_segments() { segmented_ = true; }

 private:
  void append_header(const OutgoingFrame& frame, uint8_t flags, size_t length, Bytes& out) const;
  void append_frame(const OutgoingFrame& frame, Bytes& out) const;
  void append_segment(BytesView payload, bool self_contained, Bytes& out) const;
  void append_segments_of_one(BytesView frame, Bytes& out) const;

  Sender sender_;
  Compression compression_ = Compression::kNone;
  bool segmented_ = false;
};

/// CRC24 of a v5 segment header (the low `count` bytes of `header`, least significant first).
uint32_t segment_crc24(uint64_t header, unsigned count);
/// CRC32 of a v5 segment payload.
uint32_t segment_crc32(BytesView payload);

}  // namespace sagitta::wire
