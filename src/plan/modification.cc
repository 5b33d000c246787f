#include "modification.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "sagitta/base/assert.h"
#include "sagitta/types/value.h"

#include "json_row.h"

namespace sagitta::plan {
namespace {

using rows::CellOp;
using types::DataType;
using types::Kind;

/// Twenty years, Cassandra's limit.
constexpr int32_t kTtlMax = 20 * 365 * 24 * 3600;

Result<int32_t> evaluate_ttl(const ModificationBody& body, const EvalContext& context) {
  if (!body.ttl) return body.default_ttl_s;
  SAGITTA_TRY(BindValue value, evaluate_settable(*body.ttl, context));
  if (value.unset) return body.default_ttl_s;
  if (!value.value || value.value->empty()) return 0;
  const int32_t ttl = types::to_int32(*value.value);
  if (ttl < 0) {
    return fail(ErrorCode::kInvalid, fmt::format("A TTL must be greater or equal to 0, but was {}", ttl));
  }
  if (ttl > kTtlMax) {
    return fail(ErrorCode::kInvalid, fmt::format("ttl is too large. requested ({}) maximum ({})", ttl, kTtlMax));
  }
  return ttl;
}

CellOp cell(const Operation& operation, CellOp::Kind kind) {
  CellOp op;
  op.column_id = operation.column->id;
  op.kind = kind;
  return op;
}

void set_element(const Operation& operation, Bytes path, Value value, rows::RowMutation& row) {
  CellOp op = cell(operation, CellOp::Kind::kSetElement);
  op.path = std::move(path);
  op.value = std::move(value);
  row.cells.push_back(std::move(op));
}

Bytes field_path(size_t field) {
  Bytes path;
  put_big(path, static_cast<uint16_t>(field));
  return path;
}

/// The elements of a list, behind or before all that statements before this one wrote.
void add_list(const Operation& operation, std::vector<Bytes> elements, bool prepend, const EvalContext& context,
              rows::RowMutation& row) {
  SAGITTA_ASSERT(context.timeuuids != nullptr);
  const Uuid statement = context.timeuuids->next();
  for (uint32_t i = 0; i < elements.size(); ++i) {
    set_element(operation, rows::list_path(prepend, statement, i), std::move(elements[i]), row);
  }
}

/// The elements of a collection or UDT value as cells of their own.
Status add_elements(const Operation& operation, BytesView whole, bool prepend, const EvalContext& context,
                    rows::RowMutation& row) {
  const DataType& type = *operation.column->type;
  if (type.kind() == Kind::kUdt) {
    SAGITTA_TRY(std::vector<Value> fields, types::unpack_tuple(type, whole));
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i]) set_element(operation, field_path(i), std::move(fields[i]), row);
    }
    return {};
  }
  SAGITTA_TRY(std::vector<Bytes> elements, types::unpack_elements(type, whole));
  if (type.kind() == Kind::kList) {
    add_list(operation, std::move(elements), prepend, context, row);
  } else if (type.kind() == Kind::kSet) {
    for (Bytes& element : elements) set_element(operation, std::move(element), Bytes(), row);
  } else {
    for (size_t i = 0; i + 1 < elements.size(); i += 2) {
      set_element(operation, std::move(elements[i]), std::move(elements[i + 1]), row);
    }
  }
  return {};
}

Status append_set(const Operation& operation, Value value, const EvalContext& context, rows::RowMutation& row) {
  if (operation.column->type->is_multi_cell()) {
    row.cells.push_back(cell(operation, CellOp::Kind::kClear));
    return value ? add_elements(operation, *value, false, context, row) : Status();
  }
  if (value) SAGITTA_CHECK(check_indexed(operation.indexes, *value));
  CellOp op = cell(operation, CellOp::Kind::kSet);
  op.value = std::move(value);
  row.cells.push_back(std::move(op));
  return {};
}

Status append_count(const Operation& operation, const Value& value, rows::RowMutation& row) {
  if (!value || value->empty()) return fail(ErrorCode::kInvalid, "Invalid null value for counter increment");
  const int64_t by = types::to_int64(*value);
  const bool minus = operation.kind == Operation::Kind::kRemove;
  if (minus && by == std::numeric_limits<int64_t>::min()) {
    return fail(ErrorCode::kInvalid, fmt::format("The negation of {} overflows supported counter precision (signed 8 "
                                                 "bytes integer)",
                                                 by));
  }
  CellOp op = cell(operation, CellOp::Kind::kAdd);
  op.number = minus ? -by : by;
  row.cells.push_back(std::move(op));
  return {};
}

Status append_remove(const Operation& operation, const Value& value, rows::RowMutation& row) {
  if (!value) return {};
  // Of a map the value is the set of keys, laid out as any list of elements.
  SAGITTA_TRY(std::vector<Bytes> elements, types::unpack_elements(*operation.value.type, *value));
  if (operation.column->type->kind() == Kind::kList) {
    CellOp op = cell(operation, CellOp::Kind::kListDiscard);
    op.elements = std::move(elements);
    row.cells.push_back(std::move(op));
    return {};
  }
  for (Bytes& element : elements) set_element(operation, std::move(element), std::nullopt, row);
  return {};
}

/// `column[key] = value`; a null value deletes the element.
Status append_element(const Operation& operation, Value value, const EvalContext& context, rows::RowMutation& row) {
  const bool list = operation.column->type->kind() == Kind::kList;
  SAGITTA_TRY(Value key, evaluate(*operation.key, context));
  if (!key) {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid null {} for column {}", list ? "value for list index" : "key",
                                                 operation.column->name));
  }
  if (!list) {
    set_element(operation, *std::move(key), std::move(value), row);
    return {};
  }
  if (key->empty()) return fail(ErrorCode::kInvalid, "Invalid empty value for list index");
  CellOp op = cell(operation, CellOp::Kind::kListSet);
  op.number = types::to_int32(*key);
  op.value = std::move(value);
  row.cells.push_back(std::move(op));
  return {};
}

/// Cells of static columns go to the static row, the others to `row`.
Status fill_rows(const ModificationBody& body, const EvalContext& context, rows::RowMutation* row,
                 rows::RowMutation& static_row) {
  for (const Operation& operation : body.operations) {
    const bool is_static = operation.column->kind == schema::ColumnKind::kStatic;
    if (is_static) {
      SAGITTA_CHECK(append_cells(operation, context, static_row));
    } else if (row != nullptr) {
      SAGITTA_CHECK(append_cells(operation, context, *row));
    }
  }
  return {};
}

rows::RowMutation new_row(const WriteTime& time) {
  rows::RowMutation row;
  row.ttl_s = time.ttl_s;
  row.expires_s = time.expires_s;
  return row;
}

/// The part of a write that is the same for every partition it names.
struct Changes {
  std::vector<rows::RowMutation> rows;
  std::vector<rows::RangeDeletion> deletions;
  bool delete_partition = false;
};

Result<Changes> deletions_of(const ModificationBody& body, const schema::TableDef& table, const EvalContext& context) {
  Changes changes;
  if (body.clustering.empty()) {
    changes.delete_partition = true;
    return changes;
  }
  SAGITTA_TRY(std::vector<ClusteringRange> ranges, evaluate_clustering(body.clustering, context));
  const bool whole_rows = body.clustering.prefix_length() == table.clustering_count;
  for (ClusteringRange& range : ranges) {
    if (whole_rows) {
      rows::RowMutation& row = changes.rows.emplace_back();
      row.clustering = std::move(range.start);
      row.delete_row = true;
      continue;
    }
    changes.deletions.push_back({.start = std::move(range.start),
                                 .end = std::move(range.end),
                                 .start_inclusive = range.start_inclusive,
                                 .end_inclusive = range.end_inclusive});
  }
  return changes;
}

Result<Changes> writes_of(const ModificationBody& body, const WriteTime& time, const EvalContext& context) {
  Changes changes;
  rows::RowMutation static_row = new_row(time);
  static_row.is_static = true;
  if (body.static_only) {
    SAGITTA_CHECK(fill_rows(body, context, nullptr, static_row));
  } else {
    SAGITTA_TRY(std::vector<ClusteringRange> ranges, evaluate_clustering(body.clustering, context));
    EvalContext own = context;
    if (ranges.size() != 1) own.takeable = {};
    for (ClusteringRange& range : ranges) {
      rows::RowMutation row = new_row(time);
      row.clustering = std::move(range.start);
      row.insert_marker = body.kind == ModificationBody::Kind::kInsert;
      row.cells.reserve(body.operations.size());
      static_row.cells.clear();
      SAGITTA_CHECK(fill_rows(body, own, &row, static_row));
      if (row.insert_marker || !row.cells.empty()) changes.rows.push_back(std::move(row));
    }
  }
  if (!static_row.cells.empty()) changes.rows.push_back(std::move(static_row));
  return changes;
}

bool changes(const ModificationBody& body, schema::ColumnKind kind) {
  return std::ranges::any_of(body.operations, [kind](const Operation& one) { return one.column->kind == kind; });
}

/// Columns that a refused write shows: those of conditions, of rows before static ones.
void add_columns(const Conditions& conditions, Conditional& write) {
  for (const schema::ColumnKind kind : {schema::ColumnKind::kRegular, schema::ColumnKind::kStatic}) {
    for (const Condition& condition : conditions.columns) {
      if (condition.column->kind != kind) continue;
      if (std::ranges::find(write.shown, condition.column) == write.shown.end())
        write.shown.push_back(condition.column);
    }
  }
}

Status append_conditions_of(const ModificationPlan& plan, const Bytes& partition_key, const EvalContext& context,
                            Write& out) {
  const ModificationBody& body = *plan.body;
  if (!out.conditional) {
    out.conditional.emplace();
    out.conditional->table = plan.table;
    out.conditional->partition_key = partition_key;
  }
  Conditional& write = *out.conditional;
  write.shows_all = write.shows_all || body.conditions.existence != rows::RowCondition::Existence::kAny;
  write.shows_statics = write.shows_statics || changes(body, schema::ColumnKind::kStatic) ||
                        body.conditions.are_on(schema::ColumnKind::kStatic);
  write.shows_rows = write.shows_rows || !body.static_only;
  add_columns(body.conditions, write);
  ConditionedRows of{
      .static_only = body.static_only, .shows_statics = changes(body, schema::ColumnKind::kStatic), .clustering = {}};
  if (!body.static_only) {
    SAGITTA_TRY(std::vector<ClusteringRange> ranges, evaluate_clustering(body.clustering, context));
    if (!ranges.empty()) of.clustering = std::move(ranges.front().start);
  }
  return append_conditions(body.conditions, of, context, write.conditions);
}

/// The mutations and the conditions of a statement whose time is known.
Status append_timed(const ModificationPlan& plan, const WriteTime& time, const EvalContext& context, Write& out) {
  const ModificationBody& body = *plan.body;
  SAGITTA_TRY(std::vector<Bytes> keys, evaluate_partition_keys(body.partition, context));
  if (!body.conditions.empty()) SAGITTA_CHECK(append_conditions_of(plan, keys.front(), context, out));
  const bool deletes_rows = body.kind == ModificationBody::Kind::kDelete && body.operations.empty();
  SAGITTA_TRY(Changes changes,
              deletes_rows ? deletions_of(body, *plan.table, context) : writes_of(body, time, context));
  if (changes.rows.empty() && changes.deletions.empty() && !changes.delete_partition) return {};
  for (Bytes& key : keys) {
    const bool last = &key == &keys.back();
    rows::Mutation& mutation = out.mutations.emplace_back();
    mutation.table_id = plan.table->id;
    mutation.partition_key = std::move(key);
    mutation.timestamp_us = time.timestamp_us;
    mutation.stamp = time.stamp;
    mutation.delete_partition = changes.delete_partition;
    mutation.deletions = last ? std::move(changes.deletions) : changes.deletions;
    mutation.rows = last ? std::move(changes.rows) : changes.rows;
  }
  return {};
}

}  // namespace

Result<std::optional<int64_t>> evaluate_timestamp(const std::optional<Expression>& timestamp,
                                                  const EvalContext& context) {
  if (!timestamp) return std::optional<int64_t>();
  SAGITTA_TRY(BindValue value, evaluate_settable(*timestamp, context));
  if (value.unset) return std::optional<int64_t>();
  if (!value.value || value.value->empty()) return fail(ErrorCode::kInvalid, "Invalid null value of timestamp");
  return std::optional(types::to_int64(*value.value));
}

Result<WriteTime> evaluate_write_time(const ModificationBody& body, const schema::TableDef& table,
                                      std::optional<int64_t> batch_timestamp, const EvalContext& context) {
  WriteTime time;
  SAGITTA_TRY(std::optional<int64_t> given, evaluate_timestamp(body.timestamp, context));
  if (!given) given = batch_timestamp ? batch_timestamp : context.client_timestamp_us;
  if (given == rows::kNoTimestamp) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Out of bound timestamp, must be in [{}, {}]", rows::kNoTimestamp + 1, INT64_MAX));
  }
  // Additions are put in order by the log alone, and a deletion must not be newer than those to
  // come.
  if (table.is_counter) given.reset();
  time.timestamp_us = given.value_or(context.now_us);
  time.stamp = given ? rows::Mutation::Stamp::kClient : rows::Mutation::Stamp::kProposed;
  if (body.kind == ModificationBody::Kind::kDelete || table.is_counter) return time;
  SAGITTA_TRY(time.ttl_s, evaluate_ttl(body, context));
  if (time.ttl_s > 0) time.expires_s = context.now_s() + time.ttl_s;
  return time;
}

Status append_cells(const Operation& operation, const EvalContext& context, rows::RowMutation& row) {
  if (operation.kind == Operation::Kind::kDelete) {
    row.cells.push_back(cell(operation, CellOp::Kind::kDelete));
    return {};
  }
  if (operation.kind == Operation::Kind::kDeleteElement) return append_element(operation, std::nullopt, context, row);
  SAGITTA_TRY(BindValue bound, evaluate_settable(operation.value, context));
  if (bound.unset) return {};
  Value& value = bound.value;
  const bool counter = operation.column->type->kind() == Kind::kCounter;
  switch (operation.kind) {
    case Operation::Kind::kSet: return append_set(operation, std::move(value), context, row);
    case Operation::Kind::kSetElement: return append_element(operation, std::move(value), context, row);
    case Operation::Kind::kSetField:
      set_element(operation, field_path(operation.field), std::move(value), row);
      return {};
    case Operation::Kind::kAppend:
    case Operation::Kind::kPrepend:
      if (counter) return append_count(operation, value, row);
      if (!value) return {};
      return add_elements(operation, *value, operation.kind == Operation::Kind::kPrepend, context, row);
    case Operation::Kind::kRemove:
      return counter ? append_count(operation, value, row) : append_remove(operation, value, row);
    case Operation::Kind::kDelete:
    case Operation::Kind::kDeleteElement: break;
  }
  return {};
}

Status append_write(const ModificationPlan& plan, std::optional<int64_t> batch_timestamp, const EvalContext& context,
                    Write& out) {
  const ModificationBody& body = *plan.body;
  SAGITTA_TRY(const WriteTime time, evaluate_write_time(body, *plan.table, batch_timestamp, context));
  if (!body.json) return append_timed(plan, time, context, out);
  SAGITTA_TRY(const Value json, evaluate(*body.json, context));
  SAGITTA_TRY(std::vector<BindValue> columns, read_json_row(*plan.table, json, body.json_default_unset));
  EvalContext own = context;
  own.values = own.takeable = columns;
  return append_timed(plan, time, own, out);
}

}  // namespace sagitta::plan
