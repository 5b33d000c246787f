/// Rows of the stores that postings name, in the order in which a scan would come to them.
#pragma once

#include <span>
#include <vector>

#include "sagitta/exec/stored_rows.h"
#include "sagitta/index/posting_keys.h"
#include "sagitta/plan/select.h"

namespace sagitta::exec {

/// What the probes ask.
std::vector<index::PostingProbe> asked_of(std::span<const plan::IndexProbe> probes);

/// The rows that every probe means, and more where a probe means a static row: all of its
/// partition. What it reads is from one thread at a time.
class IndexedRows final : public TableRows {
 public:
  /// There is at least one probe.
  IndexedRows(StoredRows rows, std::span<const plan::IndexProbe> probes)
      : rows_(std::move(rows)), probes_(asked_of(probes)) {}

  const schema::TableDefPtr& table() const override { return rows_.table(); }
  /// Forwards only.
  Result<std::unique_ptr<RowStream>> open(const ReadRange& range) const override;

 private:
  StoredRows rows_;
  std::vector<index::PostingProbe> probes_;
};

}  // namespace sagitta::exec
