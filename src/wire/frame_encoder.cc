#include <algorithm>

#include "sagitta/wire/frame.h"

#include "compression.h"
#include "segment.h"

namespace sagitta::wire {
namespace {

// Below this, a compressed block is rarely shorter.
constexpr size_t kCompressBytesMin = 64;

void append_header(const Response& response, uint8_t flags, size_t length, Bytes& out) {
  out.push_back(static_cast<char>(response.version | kResponseBit));
  out.push_back(static_cast<char>(flags));
  put_big(out, response.stream);
  out.push_back(static_cast<char>(response.opcode));
  put_big(out, static_cast<uint32_t>(length));
}

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

void FrameEncoder::encode(std::span<const Response> responses, Bytes& out) const {
  if (!segmented_) {
    for (const Response& response : responses) append_frame(response, out);
    return;
  }
  Bytes pending;
  for (const Response& response : responses) {
    size_t frame_bytes = kHeaderBytes + response.body.size();
    if (!pending.empty() && pending.size() + frame_bytes > kSegmentPayloadMax) {
      append_segment(pending, true, out);
      pending.clear();
    }
    append_frame(response, pending);
    if (frame_bytes > kSegmentPayloadMax) {
      append_segments_of_one(pending, out);
      pending.clear();
    }
  }
  if (!pending.empty()) append_segment(pending, true, out);
}

void FrameEncoder::append_frame(const Response& response, Bytes& out) const {
  Bytes stored = segmented_ || response.version != 4 ? Bytes() : compress_body(compression_, response.body);
  if (stored.empty()) {
    append_header(response, response.flags, response.body.size(), out);
    out.append(response.body);
  } else {
    append_header(response, response.flags | frame_flags::kCompressed, stored.size(), out);
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
