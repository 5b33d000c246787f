#include "sagitta/types/ordered_bytes.h"

#include <algorithm>

namespace sagitta::types {

void append_escaped(BytesView bytes, Bytes& out) {
  for (const char c : bytes) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
  out.append("\0\1", 2);
}

std::optional<Bytes> take_escaped(ByteReader& in) {
  Bytes bytes;
  while (const auto c = in.big<char>()) {
    if (*c == '\0') {
      const auto next = in.big<char>();
      if (!next) return std::nullopt;
      if (*next == '\1') return bytes;
      if (*next != '\xff') return std::nullopt;
    }
    bytes.push_back(*c);
  }
  return std::nullopt;
}

Bytes after_prefix(BytesView prefix) {
  Bytes after(prefix);
  while (!after.empty() && after.back() == '\xff') after.pop_back();
  if (!after.empty()) after.back() = static_cast<char>(after.back() + 1);
  return after;
}

Interval interval_between(Bound start, Bound end) {
  Interval interval{.from = Bytes(start.prefix), .to = Bytes(end.prefix)};
  if (!start.prefix.empty() && !start.inclusive) {
    interval.from = after_prefix(start.prefix);
    // Nothing comes after a prefix of FF bytes alone (a tinyint > 127).
    if (interval.from.empty()) return {.from = Bytes(1, '\0'), .to = Bytes(1, '\0')};
  }
  if (!end.prefix.empty() && end.inclusive) interval.to = after_prefix(end.prefix);
  return interval;
}

bool contains(std::span<const Interval> intervals, BytesView bytes) {
  return std::ranges::any_of(intervals, [&](const Interval& interval) { return interval.contains(bytes); });
}

}  // namespace sagitta::types
