#include "statements.h"

#include <algorithm>

#include "sagitta/cql/parser.h"
#include "sagitta/db/request.h"

namespace sagitta::db {
namespace {

/// What a prepared statement costs beside its text: plan, map nodes, metadata.
constexpr size_t kStatementBytes = 2048;
constexpr size_t kColumnBytes = 128;

size_t cost_of(const BoundStatement& statement) {
  const size_t columns = statement.result->columns.size() + statement.markers.size();
  // A long text may become much: of what parsing may take, about a third is kept.
  const size_t text_bytes =
      statement.text.size() > kCallerTextBytes ? cql::parse_bytes_max(statement.text) / 3 : 4 * statement.text.size();
  return kStatementBytes + text_bytes + columns * kColumnBytes;
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

Bytes hash_of_words(std::string_view text, std::string_view keyspace) {
  Bytes words;
  put_blob(words, keyspace);
  words += text;
  return Uuid::from_name(words).bytes();
}

/// A table's number is never given again, so a table made under the name of a dropped one has
/// another hash.
uint64_t hash_of(Bytes words, uint32_t table_id) {
  put_big(words, table_id);
  return get_big<uint64_t>(Uuid::from_name(words).bytes().data());
}

/// How a client writes values of the type, and keeps on writing them after ALTER TYPE: a UDT is its
/// name and its first field, which is never taken away, because fields that are added and new names
/// of fields leave the bytes as they are.
void put_shape(Bytes& out, const types::DataType& type) {
  put_varint(out, static_cast<uint64_t>(type.kind()));
  put_varint(out, type.dim());
  put_blob(out, type.name());
  const size_t count =
      type.kind() == types::Kind::kUdt ? std::min<size_t>(type.parameters().size(), 1) : type.parameters().size();
  put_varint(out, count);
  for (size_t i = 0; i < count; ++i) put_shape(out, *type.parameters()[i]);
}

Bytes statement_id(const Bytes& words, const std::vector<ColumnSpec>& markers) {
  if (markers.empty()) return words;
  Bytes all = words;
  for (const ColumnSpec& marker : markers) put_shape(all, *marker.type);
  return Uuid::from_name(all).bytes();
}

}  // namespace

MetadataPtr make_metadata(std::vector<ColumnSpec> columns) {
  auto metadata = std::make_shared<Metadata>();
  Bytes all;
  for (const ColumnSpec& column : columns) {
    put_blob(all, column.keyspace);
    put_blob(all, column.table);
    put_blob(all, column.name);
    column.type->encode(all);
  }
  metadata->id = Uuid::from_name(all).octets;
  metadata->columns = std::move(columns);
  return metadata;
}

Result<StatementPtr> bind_statement(const schema::Schema& schema, std::string_view text, std::string_view keyspace,
                                    const BoundStatement* before) {
  SAGITTA_TRY(cql::Statement parsed, cql::parse(text));
  auto statement = std::make_shared<BoundStatement>();
  SAGITTA_TRY(statement->plan, plan::bind(schema, keyspace, parsed));
  statement->text = text;
  statement->keyspace = keyspace;
  statement->markers = specs_of(statement->plan->markers);
  const Bytes words = hash_of_words(text, keyspace);
  statement->id = statement_id(words, statement->markers);
  statement->pk_indexes = statement->plan->partition_key_markers;
  std::vector<ColumnSpec> columns;
  if (const auto* select = select_of(*statement->plan)) {
    columns = specs_of(select->result_columns);
    statement->statement_hash = hash_of(words, select->table->id);
  }
  if (const auto* description = std::get_if<plan::DescribePlan>(&statement->plan->body))
    columns = specs_of(description->result_columns);
  statement->result = make_metadata(std::move(columns));
  if (before != nullptr) {
    statement->columns_changed = before->columns_changed || before->result->id != statement->result->id;
  }
  return StatementPtr(std::move(statement));
}

PreparedCache::PreparedCache(MemoryBudget& budget, MetricsRegistry& metrics)
    : budget_(budget),
      evictions_(
          metrics.counter("sagitta_prepared_evictions_total", "Prepared statements thrown out for want of memory")) {}

StatementPtr PreparedCache::find(BytesView id) {
  std::lock_guard lock(mutex_);
  ++requests_;
  auto it = by_id_.find(Bytes(id));
  if (it == by_id_.end()) return nullptr;
  ++hits_;
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

std::vector<StatementPtr> PreparedCache::all() const {
  std::lock_guard lock(mutex_);
  std::vector<StatementPtr> all;
  for (const Entry& entry : order_) all.push_back(entry.statement);
  return all;
}

PreparedCache::Use PreparedCache::use() const {
  std::lock_guard lock(mutex_);
  return {order_.size(), requests_, hits_, static_cast<uint64_t>(evictions_.value())};
}

size_t PreparedCache::size() const {
  std::lock_guard lock(mutex_);
  return order_.size();
}

}  // namespace sagitta::db
