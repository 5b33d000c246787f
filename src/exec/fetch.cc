/// What the hits of an index show: from their keys alone, or from their rows.
#include "fetch.h"

#include "sagitta/rows/row_keys.h"
#include "sagitta/types/value.h"

#include "filter.h"

namespace sagitta::exec {
namespace {

/// Whether the expression is the score that the search itself computes.
Result<bool> is_score(const plan::Expression& expression, const SelectRequest& request,
                      std::string_view similarity_function) {
  if (expression.kind != plan::Expression::Kind::kCall || expression.arguments.size() != 2) return false;
  if (plan::function_name(expression) != similarity_function) return false;
  const auto is_column = [&](const plan::Expression& argument) {
    return argument.kind == plan::Expression::Kind::kColumn && argument.column == request.select.ann->column;
  };
  const bool first = is_column(expression.arguments[0]);
  if (first == is_column(expression.arguments[1])) return false;
  const plan::Expression& other = expression.arguments[first ? 1 : 0];
  const bool is_given =
      other.kind == plan::Expression::Kind::kMarker || other.kind == plan::Expression::Kind::kConstant;
  if (!is_given) return false;
  SAGITTA_TRY(const Value value, plan::evaluate(other, request.eval));
  return value == request.select.ann->query;
}

}  // namespace

Result<std::optional<KeyProjection>> KeyProjection::make(const SelectRequest& request,
                                                         std::string_view similarity_function) {
  const plan::SelectPlan& plan = *request.select.plan;
  if (plan.json || plan.aggregate || plan.distinct || !plan.group_by.empty()) return std::nullopt;
  std::vector<Item> items;
  for (const plan::SelectedColumn& selected : plan.selected) {
    const plan::Expression& expression = selected.expression;
    if (expression.kind == plan::Expression::Kind::kColumn && expression.column->is_key()) {
      items.push_back(expression.column);
      continue;
    }
    SAGITTA_TRY(const bool score, is_score(expression, request, similarity_function));
    if (!score) return std::nullopt;
    items.push_back(nullptr);
  }
  return KeyProjection(*plan.table, std::move(items));
}

Result<ResultSet> KeyProjection::answer(std::span<const KeyedHit> hits) const {
  ResultSet result;
  for (const KeyedHit& hit : hits) SAGITTA_CHECK(append(hit, result.cells));
  result.row_count = static_cast<uint32_t>(hits.size());
  return result;
}

Status KeyProjection::append(const KeyedHit& hit, Bytes& out) const {
  SAGITTA_TRY(const rows::KeyParts parts, rows::split_key(hit.key));
  SAGITTA_TRY(const rows::PartitionKeyPtr partition, rows::decode_partition(table_, parts));
  SAGITTA_TRY(const std::vector<Bytes> clustering, rows::decode_clustering(table_, parts.clustering));
  for (const Item column : items_) {
    if (column == nullptr) {
      append_cell(ValueView(types::from_float(hit.score)), out);
    } else if (column->kind == schema::ColumnKind::kPartitionKey) {
      append_cell(ValueView(partition->components[column->position]), out);
    } else {
      append_cell(ValueView(clustering[column->position]), out);
    }
  }
  return {};
}

Result<std::optional<ResultSet>> fetch_hits(const StoredRows& rows, const SelectRequest& request,
                                            const schema::ColumnDef& column, std::span<const KeyedHit> hits) {
  const Projector projector(request);
  ResultSet result;
  for (const KeyedHit& hit : hits) {
    // A worker would only begin again.
    if (rows.is_on_core()) {
      SAGITTA_CHECK(request.may_go_on());
    }
    SAGITTA_TRY(const auto row, rows.get(hit.key));
    const rows::LiveCell* cell = row == nullptr ? nullptr : row->cell(column);
    if (cell == nullptr || index::fingerprint(*cell) != hit.fingerprint) return std::nullopt;
    SAGITTA_CHECK(projector.append(*row, result.cells));
    SAGITTA_CHECK(check_result_bytes(result.cells));
  }
  result.row_count = static_cast<uint32_t>(hits.size());
  return result;
}

}  // namespace sagitta::exec
