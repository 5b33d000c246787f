#include "statements.h"

#include <algorithm>

#include "sagitta/cql/parser.h"

namespace sagitta::db {
namespace {

/// What a prepared statement costs beside its text: plan, map nodes, metadata.
constexpr size_t kStatementBytes = 2048;
constexpr size_t kColumnBytes = 128;

size_t cost_of(const BoundStatement& statement) {
  const size_t columns = statement.result->columns.size() + statement.markers.size();
  return kStatementBytes + 4 * statement.text.size() + columns * kColumnBytes;
}

ColumnSpec spec_of(const plan::MarkerInfo& marker) { return {marker.keyspace, marker.table, marker.name, marker.type}; }
ColumnSpec spec_of(const plan::ResultColumn& column) {
  return {column.keyspace, column.table, column.name, column.type};
}

template <class From>
std::vector<ColumnSpec> specs_of(const std::vector<From>& from) {
  std::vector<ColumnSpec> specs;
  specs.reserve(from.size());
  for (const auto& one : from) specs.push_back(spec_of(one));
  return specs;
}

const plan::SelectPlan* select_of(const plan::Plan& plan) {
  auto* select = std::get_if<std::shared_ptr<const plan::SelectPlan>>(&plan.body);
  return select == nullptr ? nullptr : select->get();
}

}  // namespace

MetadataPtr make_metadata(std::vector<ColumnSpec> columns) {
  auto metadata = std::make_shared<Metadata>();
  Bytes all;
  for (const ColumnSpec& column : columns) {
    put_blob(all, column.keyspace);
    put_blob(all, column.table);
    put_blob(all, column.name);
    put_blob(all, column.type->to_cql());
  }
  metadata->id = Uuid::from_name(all).octets;
  metadata->columns = std::move(columns);
  return metadata;
}

Bytes statement_id(std::string_view text, std::string_view keyspace) {
  Bytes name;
  put_blob(name, keyspace);
  name += text;
  return Uuid::from_name(name).bytes();
}

Result<StatementPtr> bind_statement(const schema::Schema& schema, std::string_view text, std::string_view keyspace) {
  SAGITTA_TRY(cql::Statement parsed, cql::parse(text));
  auto statement = std::make_shared<BoundStatement>();
  SAGITTA_TRY(statement->plan, plan::bind(schema, keyspace, parsed));
  statement->text = text;
  statement->keyspace = keyspace;
  statement->id = statement_id(text, keyspace);
  statement->markers = specs_of(statement->plan->markers);
  statement->pk_indexes = statement->plan->partition_key_markers;
  std::vector<ColumnSpec> columns;
  if (const auto* select = select_of(*statement->plan)) {
    columns = specs_of(select->result_columns);
    const Bytes hashed = Uuid::from_name(statement->id + select->table->uuid.bytes()).bytes();
    statement->statement_hash = get_big<uint64_t>(hashed.data());
  }
  statement->result = make_metadata(std::move(columns));
  return StatementPtr(std::move(statement));
}

PreparedCache::PreparedCache(MemoryBudget& budget, MetricsRegistry& metrics)
    : budget_(budget),
      evictions_(
          metrics.counter("sagitta_prepared_evictions_total", "Prepared statements thrown out for want of memory")) {}

StatementPtr PreparedCache::find(BytesView id) {
  std::lock_guard lock(mutex_);
  auto it = by_id_.find(Bytes(id));
  if (it == by_id_.end()) return nullptr;
  order_.splice(order_.begin(), order_, it->second);
  return it->second->statement;
}

Status PreparedCache::put(StatementPtr statement) {
  std::lock_guard lock(mutex_);
  remove_locked(statement->id);
  for (;;) {
    auto charge = MemoryCharge::take(budget_, cost_of(*statement));
    if (charge) {
      const Bytes id = statement->id;
      order_.push_front({std::move(statement), *std::move(charge)});
      by_id_.emplace(id, order_.begin());
      return {};
    }
    if (order_.empty()) return fail(charge);
    evictions_.add();
    remove_locked(Bytes(order_.back().statement->id));
  }
}

void PreparedCache::remove(BytesView id) {
  std::lock_guard lock(mutex_);
  remove_locked(Bytes(id));
}

void PreparedCache::remove_locked(const Bytes& id) {
  auto it = by_id_.find(id);
  if (it == by_id_.end()) return;
  order_.erase(it->second);
  by_id_.erase(it);
}

size_t PreparedCache::size() const {
  std::lock_guard lock(mutex_);
  return order_.size();
}

}  // namespace sagitta::db
