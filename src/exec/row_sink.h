/// What becomes of the rows that match, one after the other: a page, groups, the nearest. A sink
/// can be left between two rows and taken up again.
#pragma once

#include <functional>
#include <memory>

#include "sagitta/exec/select.h"

#include "filter.h"

namespace sagitta::exec {

/// The references that it was made with must outlive it.
class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Takes a row. False when it needs no more.
  virtual Result<bool> add(const Row& row) = 0;
  /// The answer, once.
  virtual Result<ResultSet> finish() = 0;
};

/// Rows as they come, up to a page; `limit` is at least 1.
std::unique_ptr<RowSink> make_page_sink(const Matches& matches, const SelectRequest& request, uint64_t limit);
/// Aggregates, with GROUP BY or over all rows. A page has at most as many groups as a page of rows
/// has rows, and whole ones only. `from` is null for the first page.
std::unique_ptr<RowSink> make_group_sink(Matches& matches, const SelectRequest& request, const PagingState* from);
/// All rows in the order that the select asks for.
std::unique_ptr<RowSink> make_sort_sink(const SelectRequest& request);

/// A select over all matching rows of `rows`, into a sink.
class ScanRun final : public SelectRun {
 public:
  /// `from` is null for the first page. The request is the run's own copy.
  using MakeSink = std::function<std::unique_ptr<RowSink>(const SelectRequest&, Matches&, const PagingState* from)>;
  ScanRun(const TableRows& rows, const SelectRequest& request, MakeSink make_sink)
      : request_(request), matches_(rows, request_), make_sink_(std::move(make_sink)) {}
  Result<ResultSet> step() override;

 private:
  Status start();
  const SelectRequest request_;
  Matches matches_;
  const MakeSink make_sink_;
  std::unique_ptr<RowSink> sink_;
};

}  // namespace sagitta::exec
