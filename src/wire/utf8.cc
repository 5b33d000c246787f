#include "utf8.h"

#include <algorithm>
#include <cstdint>

namespace sagitta::wire {
namespace {

// The range that the second byte may have after `lead`; the others are 80..BF.
struct Range {
  uint8_t low, high;
};

Range second_byte(uint8_t lead) {
  switch (lead) {
    case 0xE0: return {0xA0, 0xBF};
    case 0xED: return {0x80, 0x9F};
    case 0xF0: return {0x90, 0xBF};
    case 0xF4: return {0x80, 0x8F};
    default: return {0x80, 0xBF};
  }
}

size_t sequence_length(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// 0 when no sequence starts `text`, which is not empty.
size_t sequence_at(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  size_t length = sequence_length(byte(0));
  if (length > text.size()) return 0;
  Range range = second_byte(byte(0));
  for (size_t i = 1; i < length; ++i, range = {0x80, 0xBF}) {
    if (byte(i) < range.low || byte(i) > range.high) return 0;
  }
  return length;
}

}  // namespace

size_t utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t length = sequence_at(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

}  // namespace sagitta::wire
