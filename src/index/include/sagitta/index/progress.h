/// How far the rows that were there before their index have been gone through, as the store keeps
/// it in Family::kMeta (docs/formats/rows.md).
#pragma once

#include <optional>

#include "sagitta/base/bytes.h"

namespace sagitta::index {

struct Progress {
  bool complete = false;
  /// The rows up to this key are done; empty: none is.
  Bytes from = {};

  Bytes encode() const;
  /// Nothing when the bytes are none.
  static std::optional<Progress> decode(BytesView bytes);
};

/// Of the postings of an index.
Bytes posting_progress_key(uint32_t index_id);

}  // namespace sagitta::index
