/// Arbitrary bytes to both parsers: whole and in pieces they say the same, and what they say stays
/// within the limits.
#include <cstdlib>
#include <string>

#include "sagitta/http/parser.h"

namespace {

using namespace sagitta::http;
using sagitta::BytesView;

constexpr Limits kLimits{.head_bytes_max = 256, .fields_max = 8, .body_bytes_max = 512};

void check(bool expression) {
  if (!expression) std::abort();
}

template <class Parser>
std::string events_of(Parser parser, BytesView bytes, size_t piece_bytes) {
  std::string events;
  uint64_t body_bytes = 0;
  while (!bytes.empty()) {
    BytesView piece = bytes.substr(0, piece_bytes);
    bytes.remove_prefix(piece.size());
    for (;;) {
      const BytesView before = piece;
      const auto event = parser.next(piece);
      if (!event) return events + "!" + std::to_string(event.error().status);
      check(before.ends_with(piece));
      if (event->kind == EventKind::kNeedMore) break;
      if (event->kind == EventKind::kHead) {
        check(parser.head().fields.size() <= kLimits.fields_max);
        body_bytes = 0;
        for (const Field& field : parser.head().fields) events += field.name + ":" + field.value + "\n";
        events += "\n";
      }
      body_bytes += event->data.size();
      check(body_bytes <= kLimits.body_bytes_max);
      events += event->data;
      if (event->kind == EventKind::kEnd) events += parser.keep_alive() ? "." : ";";
    }
    check(piece.empty());
  }
  const auto last = parser.end();
  return events + (last ? last->kind == EventKind::kEnd ? "$" : "" : "!end");
}

template <class Parser>
void compare(BytesView bytes) {
  const std::string whole = events_of(Parser(kLimits), bytes, bytes.size());
  for (const size_t piece_bytes : {1U, 2U, 7U}) check(events_of(Parser(kLimits), bytes, piece_bytes) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView bytes(reinterpret_cast<const char*>(data), size);
  compare<RequestParser>(bytes);
  compare<ResponseParser>(bytes);
  return 0;
}
