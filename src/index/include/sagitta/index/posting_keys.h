/// The rows that postings name, in the order of row keys: which is token and clustering order,
/// whatever the order of terms.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/types/ordered_bytes.h"

namespace sagitta::index {

/// Terms of an index: a row is meant that has one of them.
struct PostingProbe {
  uint32_t index_id = 0;
  std::vector<types::Interval> terms;
  /// There is one term.
  bool is_equality = false;
};

/// Whether the view has the postings of all rows for every probe. An index may have been dropped,
/// or begun, since it was chosen. kWouldBlock, kIo; kCorruption.
Result<bool> are_whole(const rows::ReadView& view, std::span<const PostingProbe> probes);

/// Row keys, ascending, each once. Not thread-safe; must not outlive its view.
class PostingKeys {
 public:
  virtual ~PostingKeys() = default;
  /// The first that is `key` or greater, where `key` is no less than that of the call before;
  /// nothing when there is none. Good until the next call. kWouldBlock as rows::RowCursor: once the
  /// view's meter is refilled, call again with the same key. kCorruption, kIo.
  virtual Result<std::optional<BytesView>> seek(BytesView key) = 0;
};

/// Of the rows that every probe means; there is at least one. A probe for many terms holds the
/// least keys that it found, so many of them or so many bytes, and goes through its postings again
/// for those behind them.
std::unique_ptr<PostingKeys> open_keys(const rows::ReadView& view, std::span<const PostingProbe> probes);

inline constexpr size_t kHeldKeys = 4096, kHeldBytes = size_t{4} << 20;

}  // namespace sagitta::index
