/// Byte strings in memcmp order: what keys are made of, and the intervals that a range of values
/// becomes once `append_ordered` has encoded its bounds.
#pragma once

#include <optional>
#include <span>

#include "sagitta/base/bytes.h"

namespace sagitta::types {

/// Bytes that mark their own end and keep their order: a zero byte becomes 00 FF, and 00 01 ends
/// them.
void append_escaped(BytesView bytes, Bytes& out);
/// Reads them back; nothing when they do not end.
std::optional<Bytes> take_escaped(ByteReader& in);

/// The least byte string greater than every one that begins with `prefix`; empty when there is
/// none.
Bytes after_prefix(BytesView prefix);

/// The byte strings with from <= bytes < to; an empty `to` has no end.
struct Interval {
  Bytes from, to;

  bool contains(BytesView bytes) const { return bytes >= from && (to.empty() || bytes < to); }
  bool is_empty() const { return !to.empty() && to <= from; }
};

/// One bound of a range of encoded values: a prefix, which an inclusive bound takes in with all
/// that begins with it. An empty prefix is no bound.
struct Bound {
  BytesView prefix;
  bool inclusive = true;
};

/// Everything between two bounds; an empty interval when nothing lies between them.
Interval interval_between(Bound start, Bound end);

/// Whether one of the intervals contains the bytes.
bool contains(std::span<const Interval> intervals, BytesView bytes);

}  // namespace sagitta::types
