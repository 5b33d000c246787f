/// What the tests of wire share: request bodies written by hand, and the client's side of framing.
#pragma once

#include <gtest/gtest.h>

#include "sagitta/wire/frame.h"
#include "sagitta/wire/request.h"
#include "sagitta/wire/response.h"

namespace sagitta::wire::testing {

inline Bytes hex(std::string_view digits) {
  Bytes packed;
  for (char c : digits) {
    if (c != ' ') packed.push_back(c);
  }
  return from_hex(packed).value();
}

inline Bytes text(std::string_view s) {
  Bytes out;
  put_big(out, static_cast<uint16_t>(s.size()));
  return out.append(s);
}
inline Bytes long_text(std::string_view s) {
  Bytes out;
  put_big(out, static_cast<int32_t>(s.size()));
  return out.append(s);
}

inline Frame frame_of(Opcode opcode, Bytes body, uint8_t version = 5, uint8_t flags = 0) {
  return {version, flags, 7, static_cast<uint8_t>(opcode), std::make_shared<const Bytes>(std::move(body))};
}

/// The bytes of a plain request frame.
inline Bytes bytes_of(const Frame& frame) {
  Bytes out;
  out.push_back(static_cast<char>(frame.version));
  out.push_back(static_cast<char>(frame.flags));
  put_big(out, frame.stream);
  out.push_back(static_cast<char>(frame.opcode));
  put_big(out, static_cast<int32_t>(frame.body->size()));
  return out.append(*frame.body);
}

/// A response frame turned into a request frame, as a client would have sent the same bytes.
inline Bytes without_response_bit(Bytes plain_frames) {
  for (size_t at = 0; at < plain_frames.size();) {
    plain_frames[at] = static_cast<char>(plain_frames[at] & 0x7F);
    at += kHeaderBytes + get_big<uint32_t>(plain_frames.data() + at + 5);
  }
  return plain_frames;
}

/// Every frame that comes out of `decoder` until it wants more bytes.
inline std::vector<Frame> take_all(FrameDecoder& decoder) {
  std::vector<Frame> frames;
  for (;;) {
    auto next = decoder.next();
    if (!next.has_value()) {
      ADD_FAILURE() << next.error().error.to_string();
      return frames;
    }
    if (!next->has_value()) {
      if (decoder.has_more()) continue;
      return frames;
    }
    frames.push_back(**next);
    const Status opened = open_body(frames.back());
    EXPECT_TRUE(opened) << opened.error().to_string();
  }
}

}  // namespace sagitta::wire::testing
