#include <algorithm>

#include "sagitta/wire/frame.h"

#include "compression.h"
#include "segment.h"

namespace sagitta::wire {
namespace {

// Below this, a compressed block is rarely shorter.
constexpr size_t kCompressBytesMin = 64;

// Empty when the body is better left plain.
Bytes compress_body(Compression compression, BytesView body) {
  Bytes stored;
  if (compression == Compression::kNone || body.size() <= kCompressBytesMin) return stored;
  if (compression == Compression::kSnappy) {
    snappy_body_compress(body, stored);
  } else if (!lz4_body_compress(body, stored)) {
    stored.clear();
  }
  if (stored.size() >= body.size()) stored.clear();
  return stored;
}

}  // namespace

void FrameEncoder::encode(std::span<const OutgoingFrame> frames, Bytes& out) const {
  if (!segmented_) {
    for (const OutgoingFrame& frame : frames) append_frame(frame, out);
    return;
  }
  Bytes pending;
  for (const OutgoingFrame& frame : frames) {
    size_t frame_bytes = kHeaderBytes + frame.body.size();
    if (!pending.empty() && pending.size() + frame_bytes > kSegmentPayloadMax) {
      append_segment(pending, true, out);
      pending.clear();
    }
    append_frame(frame, pending);
    if (frame_bytes > kSegmentPayloadMax) {
      append_segments_of_one(pending, out);
      pending.clear();
    }
  }
  if (!pending.empty()) append_segment(pending, true, out);
}

void FrameEncoder::append_header(const OutgoingFrame& frame, uint8_t flags, size_t length, Bytes& out) const {
  const uint8_t direction = sender_ == Sender::kServer ? kResponseBit : 0;
  out.push_back(static_cast<char>(frame.version | direction));
  out.push_back(static_cast<char>(flags));
  put_big(out, frame.stream);
  out.push_back(static_cast<char>(frame.opcode));
  put_big(out, static_cast<uint32_t>(length));
}

void FrameEncoder::append_frame(const OutgoingFrame& frame, Bytes& out) const {
  Bytes stored = segmented_ || frame.version != 4 ? Bytes() : compress_body(compression_, frame.body);
  if (stored.empty()) {
    append_header(frame, frame.flags, frame.body.size(), out);
    out.append(frame.body);
  } else {
    append_header(frame, frame.flags | frame_flags::kCompressed, stored.size(), out);
    out.append(stored);
  }
}

void FrameEncoder::append_segments_of_one(BytesView frame, Bytes& out) const {
  for (; !frame.empty(); frame.remove_prefix(std::min(frame.size(), kSegmentPayloadMax))) {
    append_segment(frame.substr(0, kSegmentPayloadMax), false, out);
  }
}

void FrameEncoder::append_segment(BytesView payload, bool self_contained, Bytes& out) const {
  bool compressed = compression_ != Compression::kNone;
  SegmentHeader header{payload.size(), 0, self_contained};
  Bytes block;
  if (compressed && payload.size() > kCompressBytesMin && lz4_compress(payload, block) &&
      block.size() < payload.size()) {
    header.payload_bytes = block.size();
    header.plain_bytes = payload.size();
    payload = block;
  }
  append_segment_header(header, compressed, out);
  out.append(payload);
  append_segment_trailer(payload, out);
}

}  // namespace sagitta::wire
