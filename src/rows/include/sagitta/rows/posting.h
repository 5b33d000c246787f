/// Postings: that a row has a term, for indexes that are kept in the store (Family::kPostings).
/// Their memcmp order is by index, term and row key, so the rows of one term are in the order of
/// scans (docs/formats/rows.md).
#pragma once

#include <cstdint>
#include <optional>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"

namespace sagitta::rows {

/// The views point into the entry it was read from.
struct Posting {
  BytesView term;
  BytesView row_key;
  /// Of the cell, where a row may have a term more than once; else empty.
  BytesView path;
  /// Seconds since the epoch; 0 = never.
  int64_t expires_s = 0;

  bool is_live(int64_t now_s) const { return expires_s == 0 || expires_s > now_s; }
};

/// What all postings of an index begin with, or of a term of it.
Bytes posting_prefix(uint32_t index_id, BytesView term = {});
Bytes posting_key(uint32_t index_id, const Posting& posting);
Bytes posting_value(const Posting& posting);
/// kCorruption when the two are none.
Result<Posting> decode_posting(BytesView key, BytesView value);

}  // namespace sagitta::rows
