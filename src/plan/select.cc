#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/base/limits.h"
#include "sagitta/index/kinds.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

#include "functions.h"
#include "group_by.h"
#include "indexed_filters.h"
#include "statements.h"
#include "values.h"

namespace sagitta::plan {
namespace {

using types::Kind;

constexpr std::string_view kAnnNotPaged =
    "Paging is not supported for Vector Search queries. The entire result set has been returned.";

/// Every column that the expression reads.
void gather_columns(const Expression& expression, std::vector<ColumnPtr>& columns) {
  if (expression.column != nullptr) columns.push_back(expression.column);
  for (const Expression& argument : expression.arguments) gather_columns(argument, columns);
}

std::vector<ColumnPtr> columns_of(const std::vector<SelectedColumn>& selected) {
  std::vector<ColumnPtr> columns;
  for (const SelectedColumn& one : selected) gather_columns(one.expression, columns);
  return columns;
}

bool is_of_partition(ColumnPtr column) {
  return column->kind == schema::ColumnKind::kPartitionKey || column->kind == schema::ColumnKind::kStatic;
}

/// No row of a partition is told from the others.
bool takes_whole_partitions(const AccessPath& access) {
  const auto of_partition = [](const Relation& filter) { return is_of_partition(filter.columns[0]); };
  return access.clustering.empty() && std::ranges::all_of(access.filters, of_partition);
}

/// Clustering columns say nothing about what the static ones hold.
Status check_static_selection(const std::vector<SelectedColumn>& selected, const std::vector<Relation>& relations) {
  const auto columns = columns_of(selected);
  const auto is_static = [](ColumnPtr column) { return column->kind == schema::ColumnKind::kStatic; };
  const auto is_clustering = [](const Relation& r) { return r.columns[0]->kind == schema::ColumnKind::kClustering; };
  if (std::ranges::none_of(columns, is_static) || !std::ranges::all_of(columns, is_of_partition) ||
      std::ranges::none_of(relations, is_clustering)) {
    return {};
  }
  return fail(ErrorCode::kInvalid, "Cannot restrict clustering columns when selecting only static columns");
}

/// Of an aggregation: its partitions may be many.
void warn_of_partitions(const AccessPath& access, std::vector<std::string>& warnings) {
  const auto of_key = [](const Relation& r) { return r.columns[0]->kind == schema::ColumnKind::kPartitionKey; };
  std::vector<Relation> restrictions = access.tokens;
  std::ranges::copy(access.partition, std::back_inserter(restrictions));
  std::ranges::copy_if(access.filters, std::back_inserter(restrictions), of_key);
  if (restrictions.empty()) {
    warnings.emplace_back("Aggregation query used without partition key");
  } else if (std::ranges::any_of(restrictions, &Relation::may_name_several)) {
    warnings.emplace_back("Aggregation query used on multiple partition keys (IN restriction)");
  }
}

/// The indexes on a column that find what is nearest.
std::vector<index::DefinitionPtr> nearest_indexes(const schema::TableDef& table, const schema::ColumnDef& column) {
  auto indexes = index::definitions_on(table, column);
  const index::Probe nearest{.column_id = column.id, .what = index::Nearest{}};
  std::erase_if(indexes, [&](const auto& definition) { return !definition->answers(nearest); });
  return indexes;
}

class SelectBinder {
 public:
  SelectBinder(Binder& binder, const cql::Select& select) : binder_(binder), select_(select) {}

  Result<Plan> bind() {
    SAGITTA_TRY(plan_->table, binder_.use_table(select_.table));
    SAGITTA_CHECK(bind_selection());
    SAGITTA_CHECK(bind_groups());
    SAGITTA_CHECK(bind_limits());
    SAGITTA_TRY(std::vector<cql::Ordering> ordering, gather_ordering());
    SAGITTA_CHECK(bind_ann(ordering));
    SAGITTA_CHECK(bind_where());
    SAGITTA_CHECK(check_distinct_partitions());
    SAGITTA_CHECK(check_group_order());
    if (!plan_->is_ann && !ordering.empty()) SAGITTA_CHECK(bind_clustering_order(ordering));
    Plan plan;
    SAGITTA_TRY(plan.timeout, bind_timeout(binder_, select_.timeout));
    body_->markers = binder_.markers();
    if (plan_->aggregate || !plan_->group_by.empty()) warn_of_partitions(body_->access, binder_.warnings());
    plan.keyspace = table().keyspace;
    plan.table = table().name;
    plan.partition_key_markers = plan::partition_key_markers(body_->access.partition);
    plan_->body = std::move(body_);
    plan.body = std::shared_ptr<const SelectPlan>(std::move(plan_));
    return plan;
  }

 private:
  const schema::TableDef& table() const { return *plan_->table; }

  void add_selected(std::string name, Expression expression) {
    plan_->selected.push_back({.name = std::move(name), .expression = std::move(expression)});
  }

  Status bind_selection() {
    for (const schema::ColumnDef& column : table().columns) {
      if (!select_.selectors.empty()) break;
      Expression expression;
      expression.kind = Expression::Kind::kColumn;
      expression.type = column.type;
      expression.column = &column;
      add_selected(column.name, std::move(expression));
    }
    for (const cql::Selector& selector : select_.selectors) {
      SAGITTA_TRY(Expression expression, binder_.bind_selector(selector.term, table()));
      add_selected(selector.alias.empty() ? name_of(selector.term, expression) : selector.alias, std::move(expression));
    }
    for (SelectedColumn& selected : plan_->selected) number_aggregates(selected.expression);
    plan_->aggregate = !plan_->aggregates.empty();
    plan_->json = select_.json;
    plan_->distinct = select_.distinct;
    describe_result();
    return check_distinct();
  }

  void number_aggregates(Expression& expression) {
    if (expression.kind == Expression::Kind::kAggregate) {
      expression.index = static_cast<uint32_t>(plan_->aggregates.size());
      plan_->aggregates.push_back(&expression);
      return;
    }
    for (Expression& argument : expression.arguments) number_aggregates(argument);
  }

  std::string name_of(const cql::Term& term, const Expression& expression) const {
    // What is of the type already is not converted.
    auto* cast = term.get_if<cql::Cast>();
    if (cast != nullptr && cast->converts && expression.function != &cast_function()) {
      return name_of(*cast->term, expression);
    }
    // A column's name is itself; only terms made of it quote what CQL must.
    if (auto* column = term.get_if<cql::ColumnRef>()) return column->name;
    return binder_.selector_name(term);
  }

  void describe_result() {
    const auto add = [&](std::string name, types::DataTypePtr type) {
      plan_->result_columns.push_back(
          {.keyspace = table().keyspace, .table = table().name, .name = std::move(name), .type = std::move(type)});
    };
    if (select_.json) return add("[json]", native(Kind::kText));
    for (const SelectedColumn& column : plan_->selected) add(column.name, column.expression.type);
  }

  Status check_distinct() const {
    if (!select_.distinct) return {};
    for (ColumnPtr column : columns_of(plan_->selected)) {
      if (is_of_partition(column)) continue;
      return fail(ErrorCode::kInvalid, fmt::format("SELECT DISTINCT queries must only request partition key columns "
                                                   "and/or static columns (not {})",
                                                   column->name));
    }
    return {};
  }

  /// What tells partitions apart is selected, unless they are named.
  Status check_distinct_partitions() const {
    if (!select_.distinct) return {};
    const AccessPath& access = body_->access;
    if (!takes_whole_partitions(access)) {
      return fail(
          ErrorCode::kInvalid,
          "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or static columns.");
    }
    if (!access.partition.empty()) return {};
    const auto columns = columns_of(plan_->selected);
    for (ColumnPtr key : partition_columns(table())) {
      if (std::ranges::find(columns, key) != columns.end()) continue;
      return fail(
          ErrorCode::kInvalid,
          fmt::format("SELECT DISTINCT queries must request all the partition key columns (missing {})", key->name));
    }
    return {};
  }

  Status bind_groups() {
    SAGITTA_TRY(GroupBy group, bind_group_by(binder_, table(), select_.group_by));
    plan_->group_by = std::move(group.columns);
    plan_->group_function = std::move(group.function);
    return {};
  }

  /// Groups follow each other in storage: they are of a prefix of the primary key, whose columns
  /// that `=` restricts may be left out, and no group is wider than a partition.
  Status check_group_order() const {
    const auto keys = std::span(table().columns).first(table().partition_key_count + table().clustering_count);
    size_t next = 0;
    for (ColumnPtr column : plan_->group_by) {
      while (next < keys.size() && &keys[next] != column && is_pinned(&keys[next])) ++next;
      if (next == keys.size() || &keys[next] != column) {
        return fail(
            ErrorCode::kInvalid,
            "Group by currently only support groups of columns following their declared order in the PRIMARY KEY");
      }
      ++next;
    }
    if (next > 0 && next < table().partition_key_count) {
      return fail(ErrorCode::kInvalid, "Group by is not supported on only a part of the partition key");
    }
    if (next > table().partition_key_count && plan_->distinct) {
      return fail(ErrorCode::kInvalid, "Grouping on clustering columns is not allowed for SELECT DISTINCT queries");
    }
    return {};
  }

  Status bind_limits() {
    if (select_.limit) {
      SAGITTA_TRY(body_->limit, binder_.bind_term(*select_.limit, {.name = "[limit]", .type = native(Kind::kInt)}));
    }
    if (select_.per_partition_limit) {
      if (plan_->distinct) {
        return fail(ErrorCode::kInvalid, "PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries");
      }
      if (plan_->aggregate && plan_->group_by.empty()) {
        return fail(ErrorCode::kInvalid, "PER PARTITION LIMIT is not allowed with aggregate queries.");
      }
      const Receiver receiver{.name = "[per_partition_limit]", .type = native(Kind::kInt)};
      SAGITTA_TRY(body_->per_partition_limit, binder_.bind_term(*select_.per_partition_limit, receiver));
    }
    return {};
  }

  /// ORDER BY, and what `WHERE v ANN OF x` asks for in its place.
  Result<std::vector<cql::Ordering>> gather_ordering() const {
    std::vector<cql::Ordering> ordering = select_.order_by;
    for (const cql::Relation& relation : select_.where) {
      if (relation.op != cql::Operator::kAnn) continue;
      ordering.push_back({.column = relation.columns[0], .ann = cql::TermPtr(*relation.value)});
    }
    const auto anns = std::ranges::count_if(ordering, [](const cql::Ordering& o) { return bool(o.ann); });
    if (anns > 1) return fail(ErrorCode::kInvalid, "Cannot specify more than one ANN ordering");
    if (anns == 1 && ordering.size() > 1) {
      return fail(ErrorCode::kInvalid, "ANN ordering does not support any other ordering");
    }
    return ordering;
  }

  Status bind_ann(const std::vector<cql::Ordering>& ordering) {
    if (ordering.size() != 1 || !ordering[0].ann) return {};
    SAGITTA_TRY(ColumnPtr column, find_column(table(), ordering[0].column));
    SAGITTA_CHECK(check_ann(ordering[0], *column));
    plan_->is_ann = true;
    body_->ann = AnnQuery{.column = column};
    body_->ann->indexes = nearest_indexes(table(), *column);
    SAGITTA_TRY(body_->ann_query, binder_.bind_term(*ordering[0].ann, {.name = column->name, .type = column->type}));
    return {};
  }

  Status check_ann(const cql::Ordering& ordering, const schema::ColumnDef& column) const {
    const Kind kind = column.type->kind();
    if (kind != Kind::kVector && kind != Kind::kList) {
      return fail(ErrorCode::kInvalid, fmt::format("Unexpected receiver type '{}'; only list and vector are expected",
                                                   column.type->to_cql()));
    }
    if (!column.type->is_float_vector()) {
      return fail(ErrorCode::kInvalid, "ANN ordering is only supported on float vector indexes");
    }
    if (nearest_indexes(table(), column).empty()) {
      return fail(ErrorCode::kInvalid, "ANN ordering by vector requires the column to be indexed");
    }
    if (ordering.descending) return fail(ErrorCode::kInvalid, "Descending ANN ordering is not supported");
    if (plan_->aggregate || !plan_->group_by.empty() || plan_->distinct) {
      return fail(ErrorCode::kInvalid, "Top-K queries can not be run with aggregation");
    }
    if (body_->per_partition_limit) {
      return fail(ErrorCode::kInvalid, "Top-K queries do not support per-partition limits");
    }
    if (!body_->limit) {
      return fail(ErrorCode::kInvalid,
                  "Top-K queries must have a limit specified and the limit must be less than the query page size");
    }
    return {};
  }

  Status bind_where() {
    std::vector<cql::Relation> where = select_.where;
    std::erase_if(where, [](const cql::Relation& relation) { return relation.op == cql::Operator::kAnn; });
    SAGITTA_TRY(std::vector<Relation> relations, bind_relations(binder_, table(), where, select_.allow_filtering));
    SAGITTA_CHECK(check_static_selection(plan_->selected, relations));
    for (const Relation& relation : relations) {
      if (nearest_indexes(table(), *relation.columns[0]).empty()) continue;
      return fail(ErrorCode::kInvalid, "Vector indexes only support ANN queries");
    }
    const AccessRules rules{.allow_filtering = select_.allow_filtering,
                            .filters_everything = plan_->is_ann,
                            .is_virtual = table().is_virtual};
    SAGITTA_TRY(body_->access, choose_access(table(), std::move(relations), rules));
    return {};
  }

  bool is_pinned(ColumnPtr column) const {
    const auto pins = [column](const Relation& relation) {
      return relation.op == Operator::kEq && !relation.map_key && !relation.on_token &&
             std::ranges::find(relation.columns, column) != relation.columns.end();
    };
    const AccessPath& access = body_->access;
    return std::ranges::any_of(access.partition, pins) || std::ranges::any_of(access.clustering.equalities, pins) ||
           std::ranges::any_of(access.filters, pins);
  }

  Status bind_clustering_order(const std::vector<cql::Ordering>& ordering) {
    if (body_->access.uses_index()) {
      return fail(ErrorCode::kInvalid, "ORDER BY with 2ndary indexes is not supported, except for ANN queries.");
    }
    const bool partition_known = !body_->access.partition.empty() || table().is_virtual;
    if (!partition_known) {
      return fail(ErrorCode::kInvalid,
                  "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
    }
    const auto keys = clustering_columns(table());
    size_t next = 0;
    for (const cql::Ordering& order : ordering) {
      SAGITTA_TRY(ColumnPtr column, find_column(table(), order.column));
      SAGITTA_CHECK(advance_to(keys, next, *column));
      body_->sort.push_back({.column = column, .descending = order.descending});
    }
    return settle_direction();
  }

  Status advance_to(const std::vector<ColumnPtr>& keys, size_t& next, const schema::ColumnDef& column) const {
    if (column.kind != schema::ColumnKind::kClustering) {
      return fail(ErrorCode::kInvalid, fmt::format("Order by is currently only supported on the clustered columns of "
                                                   "the PRIMARY KEY, got {}",
                                                   column.name));
    }
    while (next < keys.size() && keys[next] != &column && is_pinned(keys[next])) ++next;
    if (next == keys.size() || keys[next] != &column) {
      return fail(ErrorCode::kInvalid,
                  "Order by currently only supports the ordering of columns following their "
                  "declared order in the PRIMARY KEY");
    }
    ++next;
    return {};
  }

  /// The storage order gives the wanted one, forwards or backwards; only several partitions need a
  /// sort.
  Status settle_direction() {
    const auto backwards = [](const SortKey& key) { return key.descending != key.column->descending; };
    body_->reversed = backwards(body_->sort.front());
    if (std::ranges::any_of(body_->sort, [&](const SortKey& key) { return backwards(key) != body_->reversed; })) {
      return fail(ErrorCode::kInvalid, "Unsupported order by relation");
    }
    const auto& partition = body_->access.partition;
    const bool several = std::ranges::any_of(partition, [](const Relation& r) { return r.op == Operator::kIn; });
    if (!several && !table().is_virtual) body_->sort.clear();
    return {};
  }

  Binder& binder_;
  const cql::Select& select_;
  std::shared_ptr<SelectPlan> plan_ = std::make_shared<SelectPlan>();
  std::shared_ptr<SelectBody> body_ = std::make_shared<SelectBody>();
};

void keep_within(const TokenRange& tokens, std::vector<Bytes>& partitions) {
  std::erase_if(partitions, [&](const Bytes& key) {
    const int64_t token = types::token_of(key);
    return token < tokens.start || token > tokens.end;
  });
}

Result<std::optional<uint64_t>> evaluate_limit(const std::optional<Expression>& limit, const EvalContext& context) {
  if (!limit) return std::optional<uint64_t>();
  SAGITTA_TRY(BindValue value, evaluate_settable(*limit, context));
  if (value.unset) return std::optional<uint64_t>();
  if (!value.value || value.value->empty()) {
    return fail(ErrorCode::kInvalid, "Invalid null value of limit");
  }
  const int32_t rows = types::to_int32(*value.value);
  if (rows <= 0) return fail(ErrorCode::kInvalid, "LIMIT must be strictly positive");
  return std::optional(static_cast<uint64_t>(rows));
}

Status bind_ann_values(const SelectPlan& plan, const EvalContext& context, std::optional<uint32_t> page_size,
                       BoundSelect& bound) {
  bound.ann = plan.body->ann;
  const schema::ColumnDef& column = *bound.ann->column;
  if (!bound.limit) {
    return fail(ErrorCode::kInvalid,
                "Top-K queries must have a limit specified and the limit must be less than the query page size");
  }
  if (*bound.limit > limits::kAnnLimitMax) {
    return fail(ErrorCode::kInvalid, fmt::format("Use of ANN OF in an ORDER BY clause requires a LIMIT that is not "
                                                 "greater than {}. LIMIT was {}",
                                                 limits::kAnnLimitMax, *bound.limit));
  }
  SAGITTA_TRY(BindValue query, evaluate_settable(*plan.body->ann_query, context));
  if (query.unset || !query.value) {
    return fail(ErrorCode::kInvalid, fmt::format("Unsupported null value for column {}", column.name));
  }
  SAGITTA_CHECK(check_indexed(bound.ann->indexes, *query.value));
  bound.ann->query = *std::move(query.value);
  if (page_size && *page_size > 0 && *page_size < *bound.limit) bound.warnings.emplace_back(kAnnNotPaged);
  return {};
}

}  // namespace

Result<Plan> bind_select(Binder& binder, const cql::Select& select) { return SelectBinder(binder, select).bind(); }

Result<BoundSelect> bind_values(const std::shared_ptr<const SelectPlan>& plan, const EvalContext& context,
                                std::optional<uint32_t> page_size) {
  const SelectBody& body = *plan->body;
  SAGITTA_CHECK(check_marker_values(body.markers, context.values));
  BoundSelect bound;
  bound.plan = plan;
  bound.values.assign(context.values.begin(), context.values.end());
  bound.reversed = body.reversed;
  bound.sort = body.sort;
  if (!body.access.partition.empty()) {
    SAGITTA_TRY(bound.partitions, evaluate_partition_keys(body.access.partition, context));
  }
  SAGITTA_TRY(bound.tokens, evaluate_token_range(body.access.tokens, context));
  if (bound.partitions && !body.access.tokens.empty()) keep_within(bound.tokens, *bound.partitions);
  SAGITTA_TRY(bound.clustering, evaluate_clustering(body.access.clustering, context));
  for (const Relation& relation : body.access.filters) {
    SAGITTA_TRY(Filter filter, evaluate_filter(relation, context));
    bound.filters.push_back(std::move(filter));
  }
  bound.probes = make_probes(body.access, bound.filters);
  for (const IndexedFilter& indexed : body.access.indexed) {
    if (indexed.answers) fold(*indexed.definition, bound.filters[indexed.place]);
  }
  SAGITTA_TRY(bound.limit, evaluate_limit(body.limit, context));
  SAGITTA_TRY(bound.per_partition_limit, evaluate_limit(body.per_partition_limit, context));
  if (plan->is_ann) SAGITTA_CHECK(bind_ann_values(*plan, context, page_size, bound));
  return bound;
}

}  // namespace sagitta::plan
