/// The bound SELECT: what `exec` runs. A SelectPlan is independent of values; `bind_values` makes a
/// BoundSelect of it, in which every restriction is bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/index/index.h"
#include "sagitta/index/posting_keys.h"
#include "sagitta/plan/expression.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/text/folding.h"

namespace sagitta::plan {

/// A column of the result: of the SELECT list, or of `*`.
struct SelectedColumn {
  std::string name;
  Expression expression;
};

struct ResultColumn {
  std::string keyspace, table, name;
  types::DataTypePtr type;
};

enum class Operator : uint8_t { kEq, kNotEq, kLt, kLe, kGt, kGe, kIn, kContains, kContainsKey, kLike };

/// A restriction that rows are tested against one by one.
struct Filter {
  /// One column; several for a tuple restriction (a, b) < (1, 2). They point into the plan's table.
  std::vector<const schema::ColumnDef*> columns;
  /// For m['k'] = v: the key; the one column is a map.
  Value map_key;
  Operator op = Operator::kEq;
  /// Operands, each with one value per column; exactly one operand but for kIn. A null operand
  /// matches nothing.
  std::vector<std::vector<Value>> operands;
  /// Texts are compared in this form; the operands have it.
  text::Folding folding = {};
};

/// A filter as an index which is kept in the store sees it: the rows that pass have one of the
/// terms.
struct IndexProbe {
  index::DefinitionPtr definition;
  index::PostingProbe asked;
};

/// Whether `row` passes: null never matches. Thread-safe.
bool matches(const Filter& filter, const RowSource& row);

using rows::ClusteringRange;

/// Tokens from `start` to `end`, both inclusive. start > end: nothing.
struct TokenRange {
  int64_t start = INT64_MIN, end = INT64_MAX;
};

/// ORDER BY v ANN OF x LIMIT n. `limit` of the select is set and is 1..limits::kAnnLimitMax.
struct AnnQuery {
  const schema::ColumnDef* column = nullptr;
  /// The indexes on the column that answer it, oldest first; never empty. Any gives the answer.
  std::vector<index::DefinitionPtr> indexes;
  /// Valid bytes of the column's type: finite, and not all zero when an index is cosine.
  Bytes query;

  index::Probe probe(uint64_t limit) const {
    return {.column_id = column->id, .what = index::Nearest{query}, .limit = limit};
  }
  /// Gives the scores of the newest index.
  std::unique_ptr<index::Scorer> scorer(uint64_t limit) const { return indexes.back()->scorer(probe(limit)); }
};

/// A sort that the storage order does not give: an IN on the partition key with ORDER BY.
struct SortKey {
  const schema::ColumnDef* column = nullptr;
  bool descending = false;
};

struct SelectBody;

struct SelectPlan {
  schema::TableDefPtr table;
  std::vector<SelectedColumn> selected;
  std::vector<ResultColumn> result_columns;
  /// `aggregates` has some: one row a group (or one in all).
  bool aggregate = false;
  /// Every aggregate in `selected`, wherever it stands; Expression::index is its place here.
  std::vector<const Expression*> aggregates;
  /// SELECT JSON: the one result column is `[json]`; `selected` has the columns to render (names as
  /// JSON keys).
  bool json = false;
  /// SELECT DISTINCT: one row a partition; only partition-key and static columns are selected.
  bool distinct = false;
  /// A prefix of the primary key.
  std::vector<const schema::ColumnDef*> group_by;
  /// What the rows of a group have in common in place of the last of the columns: a function of it.
  std::optional<Expression> group_function;
  bool is_ann = false;
  /// Private to plan.
  std::shared_ptr<const SelectBody> body;
};

struct BoundSelect {
  std::shared_ptr<const SelectPlan> plan;
  /// For evaluating `selected`.
  std::vector<BindValue> values;
  /// The serialised partition keys to read, in the order of the answer and without duplicates;
  /// absent: scan (of `tokens`).
  std::optional<std::vector<Bytes>> partitions;
  TokenRange tokens;
  /// Disjoint, ascending in the table's clustering order (also when `reversed`); none: no row can
  /// match. Applies to every partition read. Static-only partitions show only when the one range is
  /// everything.
  std::vector<ClusteringRange> clustering;
  /// Read each partition backwards.
  bool reversed = false;
  /// All must match. Of a virtual table every restriction is a filter; of an ANN query all but
  /// those that name partitions and their clustering ranges.
  std::vector<Filter> filters;
  /// What indexes can do for the filters: any of them may be left out.
  std::vector<IndexProbe> probes;
  std::vector<SortKey> sort;
  /// Of result rows: with GROUP BY they count groups.
  std::optional<uint64_t> limit, per_partition_limit;
  std::optional<AnnQuery> ann;
  /// For the client, beside the rows.
  std::vector<std::string> warnings;
};

/// `page_size` is the client's (none: unpaged); an ANN query ignores it with a warning. kInvalid
/// for values that do not fit.
Result<BoundSelect> bind_values(const std::shared_ptr<const SelectPlan>& plan, const EvalContext& context,
                                std::optional<uint32_t> page_size = {});

}  // namespace sagitta::plan
