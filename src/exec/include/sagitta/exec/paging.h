/// The paging state that a client hands back for the next page (docs/formats/paging-state.md). It
/// is bytes of ours in foreign hands: versioned, checksummed, bound to its statement, and valid
/// after a restart.
#pragma once

#include <cstdint>
#include <optional>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/exec/rows.h"

namespace sagitta::exec {

struct PagingState {
  /// Of the statement's text and table.
  uint64_t statement_hash = 0;
  /// The last row that was returned or passed over.
  RowKey last;
  /// Rows of `last`'s partition returned so far, or groups with GROUP BY: for PER PARTITION LIMIT
  /// and DISTINCT.
  uint64_t in_partition = 0;
  /// What LIMIT leaves; none without LIMIT.
  std::optional<uint64_t> limit_left;
};

Bytes encode_paging_state(const PagingState& state);
/// kProtocol when the bytes are damaged, of another version, or of another statement.
Result<PagingState> decode_paging_state(BytesView bytes, uint64_t statement_hash);

}  // namespace sagitta::exec
