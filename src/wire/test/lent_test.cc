// Frames out of bytes that are lent: none is read after its end, and none is copied but into
// bodies.
#include <gtest/gtest.h>

#include <algorithm>

#include "sagitta/base/random.h"
#include "sagitta/wire/byte_queue.h"
#include "sagitta/wire/frame.h"

#include "wire_testing.h"

#ifndef SAGITTA_SANITIZED
#include "sagitta/testing/counted_new.h"
#endif

namespace sagitta::wire::testing {
namespace {

TEST(ByteQueue, HasWhatCameAndWasNotConsumed) {
  SeededRandom random(1);
  ByteQueue queue;
  Bytes expected, lent;
  for (int i = 0; i < 5000; ++i) {
    Bytes bytes(random.below(100), static_cast<char>('a' + i % 26));
    switch (random.below(4)) {
      case 0:
        queue.keep();
        lent = std::exchange(bytes, {});
        queue.lend(lent);
        expected += lent;
        break;
      case 1:
        queue.append(bytes);
        expected += bytes;
        break;
      case 2: queue.tidy(); break;
      default: {
        const size_t count = random.below(queue.size() + 1);
        queue.consume(count);
        expected.erase(0, count);
      }
    }
    ASSERT_EQ(queue.view(), expected) << i;
  }
}

/// A connection's frames as a server gets them.
class Stream {
 public:
  Stream(uint8_t version, Compression compression) : version_(version), compression_(compression) {
    FrameEncoder encoder(Sender::kClient);
    encoder.set_compression(compression);
    if (version >= 5) encoder.use_segments();
    std::vector<OutgoingFrame> frames;
    for (const uint32_t size : {0u, 10u, 5000u, 6000u, 200'000u, 1u, 70'000u, 3u}) {
      frames.push_back({.version = version, .opcode = Opcode::kQuery, .body = Bytes(size, static_cast<char>(size))});
      bodies_.push_back(frames.back().body);
    }
    encoder.encode(frames, bytes_);
  }

  BytesView bytes() const { return bytes_; }
  const std::vector<Bytes>& bodies() const { return bodies_; }
  FrameDecoder decoder() const {
    FrameDecoder decoder;
    decoder.set_compression(compression_);
    if (version_ >= 5) decoder.use_segments();
    return decoder;
  }

 private:
  const uint8_t version_;
  const Compression compression_;
  std::vector<Bytes> bodies_;
  Bytes bytes_;
};

void take_bodies(FrameDecoder& decoder, std::vector<Bytes>& bodies) {
  for (Frame& frame : take_all(decoder)) {
    ASSERT_TRUE(open_body(frame));
    bodies.push_back(*frame.body);
  }
}

TEST(FrameDecoder, LentBytesGiveTheSameFramesInAnyPieces) {
  SeededRandom random(2);
  for (const auto& [version, compression] : {std::pair{uint8_t{4}, Compression::kNone},
                                             {uint8_t{4}, Compression::kLz4},
                                             {uint8_t{5}, Compression::kNone},
                                             {uint8_t{5}, Compression::kLz4}}) {
    const Stream stream(version, compression);
    for (const uint32_t largest : {1'000u, 20'000u, 150'000u, 1'000'000u}) {
      FrameDecoder decoder = stream.decoder();
      std::vector<Bytes> bodies;
      for (BytesView rest = stream.bytes(); !rest.empty();) {
        Bytes piece(rest.substr(0, 1 + random.below(largest)));
        rest.remove_prefix(piece.size());
        random.below(4) == 0 ? decoder.feed(piece) : decoder.lend(piece);
        if (random.below(4) != 0) take_bodies(decoder, bodies);
        decoder.keep();
        std::ranges::fill(piece, 'z');
      }
      take_bodies(decoder, bodies);
      EXPECT_EQ(bodies, stream.bodies()) << int{version} << ", pieces of up to " << largest;
    }
  }
}

#ifndef SAGITTA_SANITIZED
TEST(FrameDecoder, LentBytesAreCopiedIntoBodiesOnly) {
  for (const uint8_t version : {uint8_t{4}, uint8_t{5}}) {
    FrameEncoder encoder(Sender::kClient);
    if (version >= 5) encoder.use_segments();
    constexpr size_t kBodyBytes = 6200, kFrames = 10;
    Bytes bytes;
    const OutgoingFrame frame{.version = version, .opcode = Opcode::kQuery, .body = Bytes(kBodyBytes, 'x')};
    for (size_t i = 0; i < kFrames; ++i) encoder.encode(frame, bytes);
    FrameDecoder decoder;
    if (version >= 5) decoder.use_segments();
    const size_t before = counting::allocated_bytes.load();
    decoder.lend(bytes);
    EXPECT_EQ(take_all(decoder).size(), kFrames);
    decoder.keep();
    EXPECT_LE(counting::allocated_bytes.load() - before, kFrames * (kBodyBytes + 500)) << int{version};
  }
}
#endif

}  // namespace
}  // namespace sagitta::wire::testing
