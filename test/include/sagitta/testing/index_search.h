/// Searching an index in one call.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/index/index.h"
#include "sagitta/types/value.h"

namespace sagitta::index {

struct FoundRow {
  Bytes row_key;
  float score = 0;
  uint64_t fingerprint = 0;
};

using KeyFilter = std::function<std::optional<bool>(BytesView key)>;

/// The `k` rows nearest to `query` that pass `filter` (null: all), nearest first.
inline Result<std::vector<FoundRow>> find_nearest(const Reader& index, std::span<const float> query, size_t k,
                                                  int64_t now_s, const KeyFilter* filter = nullptr,
                                                  const RequestContext& context = {}) {
  const Bytes vector = types::from_floats(query);
  const Probe probe{.column_id = index.definition()->column().id, .what = Nearest{vector}, .limit = k};
  Filter passes;
  if (filter != nullptr) passes.passes = [filter](RowNumber, BytesView key) { return (*filter)(key); };
  SAGITTA_TRY(const auto hits, index.open(probe, passes, now_s, context));
  std::vector<Hit> found;
  SAGITTA_CHECK(hits->next(k, found));
  std::vector<FoundRow> rows;
  for (const Hit& hit : found) rows.push_back({Bytes(hits->key(hit.row)), hit.score, hit.fingerprint});
  return rows;
}

}  // namespace sagitta::index
