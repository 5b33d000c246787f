/// system_views: what the process is doing, in the shapes of Cassandra's virtual tables.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sagitta/index/kinds.h"
#include "sagitta/types/value.h"

#include "system_tables.h"

namespace sagitta::db {
namespace {

Value integer_value(uint64_t v) { return types::from_int32(static_cast<int32_t>(std::min<uint64_t>(v, INT32_MAX))); }
Value bigint_value(uint64_t v) { return types::from_int64(static_cast<int64_t>(v)); }
Value double_value(double v) { return types::from_double(v); }

// ---- connections and requests ----

void add_clients(exec::MemoryRows& rows, const SystemContext& context) {
  const auto option = [](const ClientFacts& facts, const char* name) {
    const auto found = facts.options.find(name);
    return found == facts.options.end() ? Value() : text_value(found->second);
  };
  for (const Clients::Entry& client : context.node.clients.all()) {
    const ClientFacts& facts = client.facts;
    rows.add({{"address", inet_value(facts.address)},
              {"port", types::from_int32(facts.port)},
              {"client_options", text_map_value(facts.options)},
              {"connection_stage", text_value(facts.protocol_version == 0 ? "startup" : "ready")},
              {"driver_name", option(facts, "DRIVER_NAME")},
              {"driver_version", option(facts, "DRIVER_VERSION")},
              {"hostname", text_value(facts.address)},
              {"keyspace_name", text_or_null(facts.keyspace)},
              {"protocol_version", types::from_int32(facts.protocol_version)},
              {"request_count", bigint_value(client.requests)},
              {"ssl_enabled", types::from_bool(false)},
              {"username", text_value("anonymous")}});
  }
}

void add_queries(exec::MemoryRows& rows, const SystemContext& context) {
  for (const Admission::Running& request : context.node.admission.running()) {
    SystemRow row = {{"thread_id", text_value(fmt::format("request-{}", request.number))},
                     {"keyspace_name", text_or_null(request.keyspace)},
                     {"running_micros", types::from_int64(request.running_us)},
                     {"task", text_value(request.task)}};
    if (request.client != nullptr) {
      const ClientFacts facts = request.client->facts();
      row["client_address"] = inet_value(facts.address);
      row["client_port"] = types::from_int32(facts.port);
    }
    rows.add(row);
  }
}

// ---- settings and figures ----

void add_settings(exec::MemoryRows& rows, const SystemContext& context) {
  for (const auto& [name, value] : context.node.options.settings) {
    rows.add({{"name", text_value(name)}, {"value", text_value(value)}});
  }
}

/// Hits of blocks are not counted: their columns are null.
void add_caches(exec::MemoryRows& rows, const SystemContext& context) {
  if (const auto blocks = context.node.partitions.block_cache()) {
    rows.add({{"name", text_value("blocks")},
              {"capacity_bytes", bigint_value(blocks->capacity_bytes)},
              {"size_bytes", bigint_value(blocks->used_bytes)}});
  }
  const PreparedCache::Use use = context.node.binder.prepared_use();
  const double ratio = use.requests == 0 ? NAN : static_cast<double>(use.hits) / static_cast<double>(use.requests);
  rows.add({{"name", text_value("prepared_statements")},
            {"capacity_bytes", bigint_value(context.node.budgets.prepared.limit_bytes())},
            {"entry_count", integer_value(use.entries)},
            {"hit_count", bigint_value(use.hits)},
            {"hit_ratio", double_value(ratio)},
            {"request_count", bigint_value(use.requests)},
            {"size_bytes", bigint_value(context.node.budgets.prepared.used_bytes())}});
}

void add_cql_metrics(exec::MemoryRows& rows, const SystemContext& context) {
  const PreparedCache::Use use = context.node.binder.prepared_use();
  const auto counts = context.node.admission.counts();
  const auto regular = static_cast<double>(counts[static_cast<size_t>(Asked::Kind::kQuery)]);
  const auto prepared = static_cast<double>(counts[static_cast<size_t>(Asked::Kind::kPrepared)]);
  const std::map<std::string_view, double> figures = {
      {"prepared_statements_count", static_cast<double>(use.entries)},
      {"prepared_statements_evicted", static_cast<double>(use.evictions)},
      {"prepared_statements_executed", prepared},
      {"prepared_statements_ratio", prepared + regular == 0 ? 0 : prepared / (prepared + regular)},
      {"regular_statements_executed", regular}};
  for (const auto& [name, value] : figures) rows.add({{"name", text_value(name)}, {"value", double_value(value)}});
}

// ---- indexes ----

/// How far an index is.
struct IndexState {
  /// "building", "serving", "full", or "unknown": of a kind that this program does not know.
  std::string_view state = "unknown";
  double progress = 0;
  uint64_t rows = 0, bytes = 0, refused = 0;
};

std::string_view to_text(index::Reader::State state) {
  switch (state) {
    case index::Reader::State::kBuilding: return "building";
    case index::Reader::State::kServing: return "serving";
    case index::Reader::State::kFull: break;
  }
  return "full";
}

IndexState state_of(const index::Reader& index) {
  const auto stats = index.stats();
  IndexState state = {to_text(index.state()), 1, stats.rows, stats.bytes, stats.refused};
  const size_t all = index.rows()->size();
  if (index.state() != index::Reader::State::kServing && all > 0) {
    state.progress = std::min(1.0, static_cast<double>(stats.rows + stats.refused) / static_cast<double>(all));
  }
  return state;
}

IndexState state_of(const index::PostingIndex& index) {
  const types::Interval everything;
  return {.state = index.serves() ? "serving" : "building",
          .progress = index.progress(),
          .rows = index.rows(std::span(&everything, 1)),
          .bytes = index.bytes()};
}

IndexState state_of(const index::IndexSet& set, const schema::IndexDef& def) {
  if (const index::ReaderPtr* reader = set.find(def.id)) return state_of(**reader);
  const auto postings = set.postings.find(def.id);
  return postings == set.postings.end() ? IndexState() : state_of(*postings->second);
}

/// As Cassandra names what folds the terms of an index.
std::string analyzer_of(const schema::IndexDef& def) {
  const auto is = [&](const char* option, bool standard) {
    const auto given = def.options.find(option);
    return given == def.options.end() ? standard : given->second == "true";
  };
  const bool case_sensitive = is("case_sensitive", true), normalized = is("normalize", false),
             ascii = is("ascii", false);
  if (case_sensitive && !normalized && !ascii) return "NoOpAnalyzer";
  return fmt::format("NonTokenizingAnalyzer{{caseSensitive={}, normalized={}, ascii={}}}", case_sensitive, normalized,
                     ascii);
}

void add_index(exec::MemoryRows& rows, const schema::TableDef& table, const schema::IndexDef& def,
               const IndexState& state) {
  rows.add({{"keyspace_name", text_value(table.keyspace)},
            {"index_name", text_value(def.name)},
            {"bytes", bigint_value(state.bytes)},
            {"kind", text_value(def.kind)},
            {"progress", double_value(state.progress)},
            {"refused", bigint_value(state.refused)},
            {"rows", bigint_value(state.rows)},
            {"state", text_value(state.state)},
            {"table_name", text_value(table.name)},
            {"target", text_value(def.target)}});
}

void add_attached_index(exec::MemoryRows& rows, const schema::TableDef& table, const schema::IndexDef& def,
                        const IndexState& state) {
  const schema::ColumnDef* column = table.find_column(def.column_id);
  const auto kind = column == nullptr ? types::Kind::kBlob : column->type->kind();
  const bool is_string = kind == types::Kind::kText || kind == types::Kind::kAscii;
  rows.add({{"keyspace_name", text_value(table.keyspace)},
            {"index_name", text_value(def.name)},
            {"analyzer", text_value(analyzer_of(def))},
            {"column_name", text_value(column == nullptr ? def.target : column->name)},
            {"is_building", types::from_bool(state.state == "building")},
            {"is_queryable", types::from_bool(state.state == "serving")},
            {"is_string", types::from_bool(is_string)},
            {"table_name", text_value(table.name)}});
}

void add_indexes(exec::MemoryRows& rows, const SystemContext& context) {
  const auto set = context.node.partitions.indexes();
  const bool as_attached = rows.table()->name == "sai_column_indexes";
  for (const auto& [name, keyspace] : context.schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      for (const schema::IndexDef& def : table->indexes) {
        const IndexState state = state_of(*set, def);
        as_attached ? add_attached_index(rows, *table, def, state) : add_index(rows, *table, def, state);
      }
    }
  }
}

}  // namespace

bool add_view_rows(exec::MemoryRows& rows, const SystemContext& context) {
  using Add = void (*)(exec::MemoryRows&, const SystemContext&);
  static const std::map<std::string_view, Add> views = {
      {"caches", add_caches},    {"clients", add_clients}, {"cql_metrics", add_cql_metrics},
      {"indexes", add_indexes},  {"queries", add_queries}, {"sai_column_indexes", add_indexes},
      {"settings", add_settings}};
  if (rows.table()->keyspace != "system_views") return false;
  views.at(rows.table()->name)(rows, context);
  return true;
}

}  // namespace sagitta::db
