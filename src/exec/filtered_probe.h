/// One search of an index in which each row that it comes upon is fetched and filtered.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "sagitta/exec/ann.h"
#include "sagitta/exec/stored_rows.h"

namespace sagitta::exec {

/// Used once. The references must outlive it.
class FilteredProbe {
 public:
  FilteredProbe(const StoredRows& rows, const SelectRequest& request);

  /// Nothing when the index has moved on from these rows. Errors as probe(), and of reading rows.
  /// Rows outside `named` are not looked at; null: any may be.
  Result<std::optional<ResultSet>> run(const index::Reader& index, const index::RowSet* named, AnnReport& report);

 private:
  struct Accepted {
    uint64_t fingerprint = 0;
    Bytes cells;
  };

  std::optional<bool> accept(index::RowNumber row, BytesView key);
  Result<bool> look_at(index::RowNumber row, BytesView key);
  bool in_ranges(const Row& row) const;

  const StoredRows& rows_;
  const SelectRequest& request_;
  const std::unique_ptr<index::Scorer> scorer_;
  const Projector projector_;
  std::vector<types::Interval> intervals_;
  std::unordered_map<index::RowNumber, Accepted> accepted_;
  uint64_t candidates_ = 0;
  DeadlineCheck deadline_{request_};
  std::optional<Error> error_;
};

}  // namespace sagitta::exec
