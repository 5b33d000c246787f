/// Requests out of arbitrary bodies: what decodes must encode, and the encoding must decode to the
/// same request, which encodes to the same bytes.
#include <cstdlib>

#include "sagitta/wire/request.h"

#include "fuzz_frame.h"

namespace {

using namespace sagitta::wire;

Frame as_frame(const OutgoingFrame& sent) {
  return {sent.version, sent.flags, sent.stream, static_cast<uint8_t>(sent.opcode),
          std::make_shared<const sagitta::Bytes>(sent.body)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto frame = fuzz_frame(data, size);
  if (!frame) return 0;
  const auto request = decode_request(*frame);
  if (!request) return 0;
  const auto encoded = encode_request(*request);
  if (!encoded) std::abort();
  const auto again = decode_request(as_frame(*encoded));
  if (!again) std::abort();
  const auto twice = encode_request(*again);
  if (!twice || twice->body != encoded->body || twice->flags != encoded->flags) std::abort();
  return 0;
}
