/// Arbitrary bytes to the decoder, in pieces of a size that the input chooses: it must neither
/// crash nor read past its input, and what it gives must not depend on the pieces (unless it gives
/// up frames between them: mode bit 8). Mode bit 16: as a client, which takes responses. Mode bit
/// 32: pieces are lent.
#include <cstdlib>
#include <vector>

#include "sagitta/wire/frame.h"

namespace {

using sagitta::Bytes;
using sagitta::BytesView;
using namespace sagitta::wire;

constexpr size_t kFrameBytesMax = 1 << 16, kLargeBytes = 1 << 8;

// The bodies of the frames, then the texts of the errors, in order; reading ends at the first fatal
// one.
std::vector<Bytes> decode(BytesView bytes, uint8_t mode, size_t piece, bool lends = false) {
  FrameDecoder decoder(kFrameBytesMax, mode & 16 ? Sender::kServer : Sender::kClient, kLargeBytes);
  decoder.set_compression(static_cast<Compression>(mode % 3));
  if (mode & 4) {
    if (mode % 3 == 2) decoder.set_compression(Compression::kNone);
    decoder.use_segments();
  }
  std::vector<Bytes> out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    // Of its own memory, so that one who reads it after its end is caught.
    const Bytes lent(bytes.substr(0, piece));
    lends ? decoder.lend(lent) : decoder.feed(lent);
    for (;;) {
      auto next = decoder.next();
      if (!next.has_value()) {
        out.push_back(next.error().error.message());
        if (next.error().fatal) return out;
      } else if (next->has_value()) {
        const auto opened = open_body(**next);
        out.push_back(opened ? *(*next)->body : opened.error().message());
      } else if (!decoder.has_more()) {
        const bool gives_up = (mode & 8) && decoder.buffered() > 0;
        if (gives_up && decoder.give_up(sagitta::Error(sagitta::ErrorCode::kOverloaded, "full")).fatal) return out;
        break;
      }
    }
    decoder.keep();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  BytesView bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const uint8_t mode = data[0] & 0xdf;
  const bool lends = data[0] & 32, depends_on_pieces = mode & 8;
  if (decode(bytes, mode, size) != decode(bytes, mode, size_t{1} + data[1], lends) && !depends_on_pieces) std::abort();
  return 0;
}
