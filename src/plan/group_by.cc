/// Columns of the key, and at the end perhaps a function of one.
#include "group_by.h"

#include <fmt/format.h>

#include "functions.h"
#include "term_binder.h"

namespace sagitta::plan {
namespace {

constexpr std::string_view kOneColumn = "GROUP BY functions must have one clustering column name as parameter";

Status check_monotonic(const Expression& expression) {
  if (expression.kind != Expression::Kind::kCall) return {};
  for (const Expression& argument : expression.arguments) SAGITTA_CHECK(check_monotonic(argument));
  if (expression.function->is_monotonic) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("Only monotonic functions are supported in the GROUP BY clause. Got: {} ",
                          signature(*expression.function)));
}

/// Every name of a column among the arguments, in their order.
void gather_names(const cql::Term& term, std::vector<std::string>& names) {
  if (const auto* reference = term.get_if<cql::ColumnRef>()) names.push_back(reference->name);
  const auto* call = term.get_if<cql::FunctionCall>();
  if (call == nullptr) return;
  for (const cql::Term& argument : call->arguments) gather_names(argument, names);
}

Status check_column(const schema::TableDef& table, const cql::Term& term) {
  std::vector<std::string> names;
  gather_names(term, names);
  if (names.empty()) return fail(ErrorCode::kInvalid, std::string(kOneColumn));
  SAGITTA_TRY(const schema::ColumnDef* column, find_column(table, names[0]));
  if (column->kind == schema::ColumnKind::kClustering) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("Group by functions are only supported on clustering columns, got {}", column->name));
}

/// The columns that the expression names, as often as it does.
void gather_columns(const Expression& expression, std::vector<const schema::ColumnDef*>& columns) {
  if (expression.column != nullptr) columns.push_back(expression.column);
  for (const Expression& argument : expression.arguments) gather_columns(argument, columns);
}

Status add_function(Binder& binder, const schema::TableDef& table, const cql::Term& term, GroupBy& group) {
  const auto* call = term.get_if<cql::FunctionCall>();
  if (call == nullptr) return fail(ErrorCode::kInvalid, "Group by is only supported on columns");
  if (aggregate_named(call->name.name)) {
    return fail(ErrorCode::kInvalid, fmt::format("Aggregate functions are not supported within the GROUP BY clause, "
                                                 "got: system.{}",
                                                 call->name.name));
  }
  SAGITTA_CHECK(check_column(table, term));
  SAGITTA_TRY(Expression function, binder.bind_selector(term, table));
  if (has_aggregate(function)) {
    return fail(ErrorCode::kInvalid, "Aggregate functions are not supported within the GROUP BY clause");
  }
  SAGITTA_CHECK(check_monotonic(function));
  std::vector<const schema::ColumnDef*> columns;
  gather_columns(function, columns);
  if (columns.size() != 1) {
    return fail(ErrorCode::kInvalid, std::string(kOneColumn));
  }
  group.columns.push_back(columns[0]);
  group.function = std::move(function);
  return {};
}

Status add_column(const schema::TableDef& table, const std::string& name, GroupBy& group) {
  SAGITTA_TRY(const schema::ColumnDef* column, find_column(table, name));
  if (!column->is_key()) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("Group by is currently only supported on the columns of the PRIMARY KEY, got {}", column->name));
  }
  group.columns.push_back(column);
  return {};
}

}  // namespace

Result<GroupBy> bind_group_by(Binder& binder, const schema::TableDef& table, const std::vector<cql::Term>& terms) {
  GroupBy group;
  bool is_behind = false;
  for (const cql::Term& term : terms) {
    is_behind = is_behind || group.function.has_value();
    if (auto* reference = term.get_if<cql::ColumnRef>()) {
      SAGITTA_CHECK(add_column(table, reference->name, group));
    } else {
      SAGITTA_CHECK(add_function(binder, table, term, group));
    }
  }
  const bool repeats = is_behind && group.columns.size() > 1 && group.columns.end()[-1] == group.columns.end()[-2];
  if (is_behind && !repeats) {
    return fail(ErrorCode::kInvalid, "Functions are only supported on the last element of the GROUP BY clause");
  }
  return group;
}

}  // namespace sagitta::plan
