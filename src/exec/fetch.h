/// The answer of an unfiltered index search: what the hits alone tell, or the row of each hit,
/// fetched once.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sagitta/exec/select.h"
#include "sagitta/exec/stored_rows.h"

#include "probe.h"

namespace sagitta::exec {

/// Result rows of key columns and the score of the search. A hit tells both: a vector in the index
/// is that of a live row (docs/adr/0013). Not thread-safe; the request outlives it.
class KeyProjection {
 public:
  /// Nothing when the select needs more of a row than its key and the score that
  /// `similarity_function` (as CQL names it) gives.
  static Result<std::optional<KeyProjection>> make(const SelectRequest& request, std::string_view similarity_function);
  /// The hits in their order. kCorruption for a key that is none of the table.
  Result<ResultSet> answer(std::span<const KeyedHit> hits) const;

 private:
  /// A key column, or null for the score.
  using Item = const schema::ColumnDef*;
  KeyProjection(const schema::TableDef& table, std::vector<Item> items) : table_(table), items_(std::move(items)) {}
  Status append(const KeyedHit& hit, Bytes& out) const;

  const schema::TableDef& table_;
  std::vector<Item> items_;
};

/// The row of each hit, in the order of the hits; nothing when a row is not as it was indexed, for
/// it has changed since. `column` is the indexed one. Errors as StoredRows::get.
Result<std::optional<ResultSet>> fetch_hits(const StoredRows& rows, const SelectRequest& request,
                                            const schema::ColumnDef& column, std::span<const KeyedHit> hits);

}  // namespace sagitta::exec
