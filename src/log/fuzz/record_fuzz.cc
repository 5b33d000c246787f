/// Whatever decodes encodes back to the same bytes; nothing else may crash or allocate without bound.
#include <cstdint>

#include "sagitta/base/assert.h"
#include "sagitta/log/log.h"

#include "record_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sagitta;
  const BytesView bytes(reinterpret_cast<const char*>(data), size);
  const auto entry = log::decode_record(bytes);
  if (!entry) return 0;
  const auto frame = log::parse_frame(bytes);
  SAGITTA_ASSERT(frame && frame->offset == entry->offset);
  Bytes again;
  log::encode_record(entry->record, entry->offset, frame->group_first, again);
  SAGITTA_ASSERT(again == bytes);
  return 0;
}
