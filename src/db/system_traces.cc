/// system_traces: recent traced requests.
#include <algorithm>

#include "sagitta/types/value.h"

#include "system_tables.h"

namespace sagitta::db {
namespace {

Value int_value(int64_t v) { return types::from_int32(static_cast<int32_t>(std::min<int64_t>(v, INT32_MAX))); }

void add_session(exec::MemoryRows& rows, const TraceRecord& trace, const NodeOptions& node) {
  rows.add({{"session_id", trace.id.bytes()},
            {"client", inet_value(trace.client)},
            {"command", text_value("QUERY")},
            {"coordinator", inet_value(node.cql_address)},
            {"coordinator_port", types::from_int32(node.cql_port)},
            {"duration", trace.duration_us ? int_value(*trace.duration_us) : Value()},
            {"parameters", text_map_value(trace.parameters)},
            {"request", text_value(trace.request)},
            {"started_at", types::from_int64(trace.started_us / 1000)}});
}

void add_events(exec::MemoryRows& rows, const TraceRecord& trace, const NodeOptions& node) {
  for (const TraceEvent& event : trace.events) {
    rows.add({{"session_id", trace.id.bytes()},
              {"event_id", event.id.bytes()},
              {"activity", text_value(event.activity)},
              {"source", inet_value(node.cql_address)},
              {"source_elapsed", int_value(event.elapsed_us)},
              {"source_port", types::from_int32(node.cql_port)},
              {"thread", text_value("sagitta")}});
  }
}

}  // namespace

bool add_trace_rows(exec::MemoryRows& rows, const SystemContext& context) {
  const schema::TableDef& table = *rows.table();
  if (table.keyspace != "system_traces") return false;
  const NodeOptions& node = context.node.options.node;
  for (const TraceRecord& trace : context.node.traces.records()) {
    if (table.name == "sessions") add_session(rows, trace, node);
    if (table.name == "events") add_events(rows, trace, node);
  }
  return true;
}

}  // namespace sagitta::db
