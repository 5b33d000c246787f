#include "sagitta/wire/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lz4.h>

#include "compression.h"
#include "segment.h"
#include "wire_testing.h"

namespace sagitta::wire::testing {
namespace {

using ::testing::HasSubstr;

Bytes segment_of(BytesView payload, bool self_contained = true) {
  Bytes out;
  append_segment_header({payload.size(), 0, self_contained}, false, out);
  out.append(payload);
  append_segment_trailer(payload, out);
  return out;
}

Bytes lz4_segment_of(BytesView payload, bool self_contained = true) {
  Bytes block, out;
  lz4_compress(payload, block);
  append_segment_header({block.size(), payload.size(), self_contained}, true, out);
  out.append(block);
  append_segment_trailer(block, out);
  return out;
}

FrameDecoder segmented(Compression compression = Compression::kNone) {
  FrameDecoder decoder;
  decoder.set_compression(compression);
  decoder.use_segments();
  return decoder;
}

FrameError first_error(FrameDecoder& decoder) {
  auto next = decoder.next();
  EXPECT_FALSE(next.has_value());
  return next.has_value() ? FrameError{Error(ErrorCode::kServer, ""), 0, 0, false} : next.error();
}

Bytes patterned(size_t size) {
  Bytes body(size, '\0');
  for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>((i * 2654435761U) >> 24);
  return body;
}

TEST(FrameDecoder, ReadsAPlainFrame) {
  FrameDecoder decoder;
  decoder.feed(hex("04 00 0001 05 00000000"));
  auto frames = take_all(decoder);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].version, 4);
  EXPECT_EQ(frames[0].stream, 1);
  EXPECT_EQ(frames[0].opcode, static_cast<uint8_t>(Opcode::kOptions));
  EXPECT_TRUE(frames[0].body->empty());
  EXPECT_EQ(decoder.buffered(), 0U);
}

TEST(FrameDecoder, WaitsForEveryByte) {
  Bytes bytes = bytes_of(frame_of(Opcode::kQuery, "abcdef", 4)) + bytes_of(frame_of(Opcode::kQuery, "xyz", 4));
  FrameDecoder decoder;
  std::vector<Bytes> bodies;
  for (char byte : bytes) {
    decoder.feed(BytesView(&byte, 1));
    for (const Frame& frame : take_all(decoder)) bodies.push_back(*frame.body);
  }
  EXPECT_EQ(bodies, (std::vector<Bytes>{"abcdef", "xyz"}));
}

TEST(FrameDecoder, RefusesOtherVersionsWithTheWordsThatClientsMatch) {
  FrameDecoder decoder;
  decoder.feed(hex("42 00 1234 01 00000016"));
  FrameError error = first_error(decoder);
  EXPECT_EQ(error.error.message(),
            "Invalid or unsupported protocol version (66); the lowest supported version is 4 and the greatest is 5");
  EXPECT_EQ(error.error.code(), ErrorCode::kProtocol);
  EXPECT_EQ(error.stream, 0x1234);
  EXPECT_EQ(error.version, 5);
  EXPECT_TRUE(error.fatal);
}

TEST(FrameDecoder, RefusesTheShortHeadersOfOldVersions) {
  FrameDecoder decoder;
  decoder.feed(hex("02 00 05 05 00000000"));
  FrameError error = first_error(decoder);
  EXPECT_EQ(error.stream, 5);
  EXPECT_THAT(error.error.message(), HasSubstr("unsupported protocol version (2)"));
}

TEST(FrameDecoder, RefusesAChangeOfVersionResponsesAndNegativeLengths) {
  FrameDecoder changed;
  changed.feed(hex("04 00 0001 05 00000000  05 00 0002 05 00000000"));
  EXPECT_TRUE(changed.next().has_value());
  EXPECT_THAT(first_error(changed).error.message(), HasSubstr("Got 5 but previous messages"));
  FrameDecoder response;
  response.feed(hex("84 00 0001 05 00000000"));
  EXPECT_TRUE(first_error(response).fatal);
  FrameDecoder negative;
  negative.feed(hex("04 00 0001 05 ffffffff"));
  EXPECT_THAT(first_error(negative).error.message(), HasSubstr("-1"));
}

TEST(FrameDecoder, FrameOverTheLimitIsRefusedByItsHeader) {
  FrameDecoder decoder(16);
  decoder.feed(hex("04 00 0009 07 00000011"));
  FrameError error = first_error(decoder);
  EXPECT_FALSE(error.fatal);
  EXPECT_EQ(error.stream, 9);
  EXPECT_EQ(error.error.message(), "Request is too big: length 17 exceeds maximum allowed length 16");
  decoder.feed(Bytes(16, 'x'));
  EXPECT_TRUE(take_all(decoder).empty());
  decoder.feed("x" + bytes_of(frame_of(Opcode::kQuery, "good", 4)));
  auto frames = take_all(decoder);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(*frames[0].body, "good");
}

/// In pieces of any size, plain and compressed: the same body, and what is buffered is what came.
TEST(FrameDecoder, ALargeBodyIsCollectedInPiecesAndOpenedLater) {
  Bytes body;
  for (uint32_t i = 0; body.size() < 700'000; ++i) put_big(body, i * i);
  for (const auto compression : {Compression::kNone, Compression::kLz4, Compression::kSnappy}) {
    Bytes stored;
    if (compression == Compression::kLz4) lz4_body_compress(body, stored);
    if (compression == Compression::kSnappy) snappy_body_compress(body, stored);
    const bool compressed = compression != Compression::kNone;
    const Frame sent =
        frame_of(Opcode::kQuery, compressed ? stored : body, 4, compressed ? frame_flags::kCompressed : uint8_t{0});
    Bytes bytes = bytes_of(sent) + bytes_of(frame_of(Opcode::kOptions, {}, 4));
    FrameDecoder decoder;
    decoder.set_compression(compression);
    std::vector<Frame> frames;
    for (size_t at = 0; at < bytes.size(); at += 50'000) {
      decoder.feed(BytesView(bytes).substr(at, 50'000));
      for (Frame& frame : take_all(decoder)) frames.push_back(std::move(frame));
      if (frames.empty() && at > 50'000) {
        EXPECT_EQ(decoder.buffered(), at + 50'000 - kHeaderBytes);
      }
    }
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_TRUE(*frames[0].body == body);
    EXPECT_EQ(frames[0].plain_bytes, body.size());
    EXPECT_EQ(decoder.buffered(), 0U);
  }
}

TEST(FrameDecoder, ALargeFrameComesUnopened) {
  FrameDecoder decoder;
  decoder.set_compression(Compression::kLz4);
  Bytes stored;
  ASSERT_TRUE(lz4_body_compress(Bytes(8 << 20, 'a'), stored));
  ASSERT_LT(stored.size(), kLargeFrameBytes);
  decoder.feed(bytes_of(frame_of(Opcode::kQuery, stored, 4, frame_flags::kCompressed)));
  auto next = decoder.next();
  ASSERT_TRUE(next && *next);
  EXPECT_EQ((*next)->body, nullptr) << "few bytes came, but opening them makes many";
  EXPECT_EQ((*next)->plain_bytes, size_t{8} << 20);
  (*next)->stored[0].resize(100);
  EXPECT_FALSE(open_body(**next)) << "damaged";
}

TEST(FrameDecoder, OneCallOpensFewSegments) {
  const Bytes plain = bytes_of(frame_of(Opcode::kQuery, Bytes(2'000'000, 'a')));
  Bytes bytes;
  for (size_t at = 0; at < plain.size(); at += kSegmentPayloadMax) {
    bytes += lz4_segment_of(BytesView(plain).substr(at, kSegmentPayloadMax), false);
  }
  FrameDecoder decoder = segmented(Compression::kLz4);
  decoder.feed(bytes);
  size_t calls = 0;
  for (;; ++calls) {
    auto next = decoder.next();
    ASSERT_TRUE(next);
    if (*next) break;
    ASSERT_TRUE(decoder.has_more());
  }
  EXPECT_GE(calls, plain.size() / (kSegmentPayloadMax + (size_t{256} << 10)));
}

TEST(FrameDecoder, ClaimedLengthsAllocateNothing) {
  FrameDecoder decoder;
  decoder.feed(hex("04 00 0009 07 0fffffff"));
  EXPECT_TRUE(take_all(decoder).empty());
  EXPECT_EQ(decoder.buffered(), 0U) << "the header has been read";
}

TEST(FrameDecoder, AFrameGivenUpInMidwayIsAnsweredAndTheRestOfItSkipped) {
  FrameDecoder decoder;
  decoder.feed(hex("04 00 0009 07 00000100") + Bytes(100, 'x'));
  EXPECT_TRUE(take_all(decoder).empty());
  const FrameError error = decoder.give_up(Error(ErrorCode::kOverloaded, "full"));
  EXPECT_FALSE(error.fatal);
  EXPECT_EQ(error.version, 4);
  EXPECT_EQ(error.stream, 9);
  EXPECT_EQ(decoder.buffered(), 0U);
  decoder.feed(Bytes(156, 'x') + bytes_of(frame_of(Opcode::kQuery, "good", 4)));
  auto frames = take_all(decoder);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(*frames[0].body, "good");
}

TEST(FrameDecoder, BytesBeforeAHeaderCannotBeGivenUpWithoutTheConnection) {
  FrameDecoder decoder;
  decoder.feed(hex("04 00 0009"));
  EXPECT_TRUE(take_all(decoder).empty());
  EXPECT_TRUE(decoder.give_up(Error(ErrorCode::kOverloaded, "full")).fatal);
}

TEST(FrameDecoder, OpensV4Compression) {
  Bytes body(1000, 'q'), lz4, snappy;
  lz4_body_compress(body, lz4);
  snappy_body_compress(body, snappy);
  for (auto [compression, stored] : {std::pair(Compression::kLz4, lz4), std::pair(Compression::kSnappy, snappy)}) {
    FrameDecoder decoder;
    decoder.set_compression(compression);
    decoder.feed(bytes_of(frame_of(Opcode::kQuery, stored, 4, frame_flags::kCompressed)));
    decoder.feed(bytes_of(frame_of(Opcode::kQuery, "plain", 4)));
    auto frames = take_all(decoder);
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(*frames[0].body, body);
    EXPECT_EQ(frames[0].flags, 0);
    EXPECT_EQ(*frames[1].body, "plain");
  }
}

TEST(FrameDecoder, DamagedCompressionCostsOneFrame) {
  Bytes body(1000, 'q'), lz4, snappy;
  lz4_body_compress(body, lz4);
  snappy_body_compress(body, snappy);
  for (auto [compression, stored] :
       {std::pair(Compression::kLz4, lz4), std::pair(Compression::kSnappy, snappy),
        std::pair(Compression::kLz4, hex("7fffffff 00")), std::pair(Compression::kLz4, hex("0000")),
        std::pair(Compression::kSnappy, hex("ffffffff0f 00"))}) {
    FrameDecoder decoder;
    decoder.set_compression(compression);
    decoder.feed(bytes_of(frame_of(Opcode::kQuery, stored.substr(0, stored.size() - 1), 4, frame_flags::kCompressed)));
    FrameError error = first_error(decoder);
    EXPECT_FALSE(error.fatal);
    EXPECT_EQ(error.stream, 7);
    decoder.feed(bytes_of(frame_of(Opcode::kQuery, "plain", 4)));
    EXPECT_EQ(take_all(decoder).size(), 1U);
  }
  FrameDecoder none;
  none.feed(bytes_of(frame_of(Opcode::kQuery, lz4, 4, frame_flags::kCompressed)));
  EXPECT_THAT(first_error(none).error.message(), HasSubstr("no compression was negotiated"));
}

TEST(Segments, ReadsAndWritesTheGoldenBytesOfThePythonDriver) {
  Bytes options = hex("05 00 0000 05 00000000");
  Bytes plain = hex("090002 a4c8c1") + options + hex("1086284d");
  EXPECT_EQ(segment_of(options), plain);
  FrameDecoder decoder = segmented();
  decoder.feed(plain);
  EXPECT_EQ(take_all(decoder).size(), 1U);
  FrameDecoder lz4_decoder = segmented(Compression::kLz4);
  lz4_decoder.feed(hex("1400a20104 21f7b4 af0500000707000000c8710100af507171717171 60753b5a"));
  auto frames = take_all(lz4_decoder);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(*frames[0].body, Bytes(200, 'q'));
}

TEST(Segments, ManyFramesInOneAndOneByteAtATime) {
  Bytes frames = bytes_of(frame_of(Opcode::kQuery, "one")) + bytes_of(frame_of(Opcode::kQuery, "")) +
                 bytes_of(frame_of(Opcode::kQuery, "three"));
  FrameDecoder decoder = segmented();
  std::vector<Bytes> bodies;
  for (char byte : segment_of(frames)) {
    decoder.feed(BytesView(&byte, 1));
    for (const Frame& frame : take_all(decoder)) bodies.push_back(*frame.body);
  }
  EXPECT_EQ(bodies, (std::vector<Bytes>{"one", "", "three"}));
}

TEST(Segments, OneFrameOverMany) {
  Bytes body = patterned(300000);
  Bytes frame = bytes_of(frame_of(Opcode::kQuery, body)), bytes;
  for (size_t at = 0; at < frame.size(); at += kSegmentPayloadMax) {
    bytes += segment_of(BytesView(frame).substr(at, kSegmentPayloadMax), false);
  }
  bytes += segment_of(bytes_of(frame_of(Opcode::kQuery, "after")));
  for (size_t piece : {size_t{1000}, size_t{65536}, size_t{131081}, bytes.size()}) {
    FrameDecoder decoder = segmented();
    std::vector<Frame> frames;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      decoder.feed(BytesView(bytes).substr(at, piece));
      for (Frame& taken : take_all(decoder)) frames.push_back(std::move(taken));
    }
    ASSERT_EQ(frames.size(), 2U) << piece;
    EXPECT_EQ(*frames[0].body, body);
    EXPECT_EQ(*frames[1].body, "after");
  }
}

TEST(Segments, AFrameGivenUpInMidwayIsSkippedOverSegments) {
  const Bytes frame = hex("05 00 0009 07 00000100") + Bytes(256, 'x');
  FrameDecoder decoder = segmented();
  decoder.feed(segment_of(BytesView(frame).substr(0, 100), false));
  EXPECT_TRUE(take_all(decoder).empty());
  const FrameError error = decoder.give_up(Error(ErrorCode::kOverloaded, "full"));
  EXPECT_FALSE(error.fatal);
  EXPECT_EQ(error.stream, 9);
  decoder.feed(segment_of(BytesView(frame).substr(100, 100), false));
  decoder.feed(segment_of(BytesView(frame).substr(200), false));
  decoder.feed(segment_of(bytes_of(frame_of(Opcode::kQuery, "good"))));
  auto frames = take_all(decoder);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(*frames[0].body, "good");
}

TEST(Segments, Lz4AndPlainOnesMixed) {
  Bytes body(5000, 'z'), plain_payload = bytes_of(frame_of(Opcode::kQuery, "tiny")), bytes;
  append_segment_header({plain_payload.size(), 0, true}, true, bytes);
  bytes += plain_payload;
  append_segment_trailer(plain_payload, bytes);
  bytes += lz4_segment_of(bytes_of(frame_of(Opcode::kQuery, body)));
  FrameDecoder decoder = segmented(Compression::kLz4);
  decoder.feed(bytes);
  auto frames = take_all(decoder);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(*frames[0].body, "tiny");
  EXPECT_EQ(*frames[1].body, body);
}

TEST(Segments, EveryFlippedBitIsFatalOrHarmless) {
  Bytes good = segment_of(bytes_of(frame_of(Opcode::kQuery, "payload")));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    FrameDecoder decoder = segmented();
    decoder.feed(bad);
    EXPECT_TRUE(first_error(decoder).fatal) << "bit " << bit;
  }
}

TEST(Segments, SelfContainedOnesHoldWholeFrames) {
  Bytes frame = bytes_of(frame_of(Opcode::kQuery, "payload"));
  for (size_t length : {size_t{4}, frame.size() - 1}) {
    FrameDecoder decoder = segmented();
    decoder.feed(segment_of(frame.substr(0, length)));
    EXPECT_TRUE(first_error(decoder).fatal);
  }
  FrameDecoder inside = segmented();
  inside.feed(segment_of(frame.substr(0, 12), false) + segment_of(frame));
  EXPECT_THAT(first_error(inside).error.message(), HasSubstr("inside a large frame"));
}

TEST(Segments, FrameOverTheLimitIsSkippedOverSegments) {
  FrameDecoder decoder(100);
  decoder.use_segments();
  Bytes frame = bytes_of(frame_of(Opcode::kQuery, Bytes(200, 'x')));
  decoder.feed(segment_of(frame.substr(0, 50), false));
  EXPECT_FALSE(first_error(decoder).fatal);
  decoder.feed(segment_of(frame.substr(50), false) + segment_of(bytes_of(frame_of(Opcode::kQuery, "good"))));
  auto frames = take_all(decoder);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(*frames[0].body, "good");
}

struct Mode {
  uint8_t version;
  Compression compression;
  bool segments;
};

class RoundTrip : public ::testing::TestWithParam<Mode> {};

TEST_P(RoundTrip, WhatTheEncoderWritesTheDecoderReads) {
  Mode mode = GetParam();
  FrameEncoder encoder;
  FrameDecoder decoder;
  encoder.set_compression(mode.compression);
  decoder.set_compression(mode.compression);
  if (mode.segments) {
    encoder.use_segments();
    decoder.use_segments();
  }
  std::vector<OutgoingFrame> responses;
  for (size_t size : std::initializer_list<size_t>{0, 1, 64, 65, 1000, 131000, 131062, 131063, 300000, 20}) {
    responses.push_back({mode.version, 0, static_cast<int16_t>(size % 1000), Opcode::kResult, patterned(size)});
    responses.push_back({mode.version, 0, -1, Opcode::kEvent, Bytes(size, 'c')});
  }
  Bytes out;
  encoder.encode(responses, out);
  // The decoder refuses responses, so the direction bit is cleared where it can be seen: here, in
  // unsegmented bytes.
  if (!mode.segments) {
    decoder.feed(without_response_bit(out));
    auto frames = take_all(decoder);
    ASSERT_EQ(frames.size(), responses.size());
    for (size_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(frames[i].stream, responses[i].stream);
      EXPECT_EQ(*frames[i].body, responses[i].body) << i;
    }
    return;
  }
  Bytes plain;
  bool compressed = mode.compression != Compression::kNone;
  for (BytesView rest = out; !rest.empty();) {
    auto header = read_segment_header(rest, compressed);
    ASSERT_TRUE(header);
    rest.remove_prefix(segment_header_bytes(compressed));
    BytesView stored = rest.substr(0, header->payload_bytes);
    ASSERT_TRUE(segment_trailer_matches(stored, rest.substr(stored.size())));
    plain += header->plain_bytes ? lz4_decompress(stored, header->plain_bytes).value() : Bytes(stored);
    rest.remove_prefix(stored.size() + kSegmentTrailerBytes);
  }
  Bytes expected;
  FrameEncoder().encode(responses, expected);
  EXPECT_EQ(plain, expected);
}

INSTANTIATE_TEST_SUITE_P(All, RoundTrip,
                         ::testing::Values(Mode{4, Compression::kNone, false}, Mode{4, Compression::kLz4, false},
                                           Mode{4, Compression::kSnappy, false}, Mode{5, Compression::kNone, false},
                                           Mode{5, Compression::kNone, true}, Mode{5, Compression::kLz4, true}));

TEST(FrameEncoder, WritesTheGoldenReady) {
  Bytes out;
  FrameEncoder().encode(OutgoingFrame{4, 0, 0x0102, Opcode::kReady, {}}, out);
  EXPECT_EQ(out, hex("84 00 0102 02 00000000"));
}

TEST(FrameEncoder, CoalescesSmallResponses) {
  FrameEncoder encoder;
  encoder.use_segments();
  Bytes out;
  std::vector<OutgoingFrame> two(2, OutgoingFrame{5, 0, 1, Opcode::kResult, Bytes(4, 'x')});
  encoder.encode(two, out);
  EXPECT_EQ(out.size(), segment_header_bytes(false) + 2 * (kHeaderBytes + 4) + kSegmentTrailerBytes);
}

}  // namespace
}  // namespace sagitta::wire::testing
