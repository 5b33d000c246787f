/// Whatever decodes encodes back to the same bytes; nothing else may crash or allocate without
/// bound. Each input is also tried with the right checksum put in, since chance would not find it.
#include <cstdint>

#include "sagitta/base/assert.h"
#include "sagitta/base/checksum.h"
#include "sagitta/log/record.h"

#include "record_frame.h"

namespace {

using namespace sagitta;

void check(BytesView bytes) {
  const auto entry = log::decode_record(bytes);
  if (!entry) return;
  const auto frame = log::parse_frame(bytes);
  SAGITTA_ASSERT(frame && frame->offset == entry->offset);
  Bytes again;
  log::encode_record(*entry->record, entry->offset, frame->group_first, again);
  SAGITTA_ASSERT(again == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  if (size < log::kFrameHeaderBytes) return 0;
  Bytes checksum;
  put_big(checksum, crc32c(bytes.substr(log::kFrameHeaderBytes), crc32c(bytes.substr(0, 8))));
  check(Bytes(bytes).replace(8, checksum.size(), checksum));
  return 0;
}
