#include "translate.h"

#include <fmt/format.h>

#include "sagitta/db/database.h"

namespace sagitta::server {
namespace {

db::BoundValue to_bound_value(const wire::BoundValue& from) {
  db::BoundValue to;
  to.unset = from.is_unset();
  if (from.kind == wire::BoundValue::Kind::kBytes) to.value = Bytes(from.bytes);
  return to;
}

std::vector<db::BoundValue> to_bound_values(const std::vector<wire::BoundValue>& values,
                                            const std::vector<std::string_view>& names) {
  std::vector<db::BoundValue> bound;
  bound.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    bound.push_back(to_bound_value(values[i]));
    if (i < names.size()) bound.back().name = std::string(names[i]);
  }
  return bound;
}

}  // namespace

Result<wire::Compression> compression_of(const wire::Startup& message, uint8_t version) {
  const auto name = message.find("COMPRESSION");
  if (!name || name->empty()) return wire::Compression::kNone;
  const auto known = wire::compression_from_name(*name);
  if (known && (version < 5 || *known != wire::Compression::kSnappy)) return *known;
  return fail(ErrorCode::kProtocol, fmt::format("unknown compression algorithm '{}' for v{}", *name, version));
}

Bytes encode_supported() {
  return wire::encode_supported({{"PROTOCOL_VERSIONS", {"4/v4", "5/v5"}},
                                 {"COMPRESSION", {"snappy", "lz4"}},
                                 {"CQL_VERSION", {std::string(db::kCqlVersion)}}});
}

db::RequestOptions to_request_options(const wire::QueryParameters& parameters, std::string_view session_keyspace) {
  db::RequestOptions options;
  options.keyspace = std::string(parameters.keyspace.value_or(session_keyspace));
  options.values = to_bound_values(parameters.values, parameters.names);
  options.consistency = parameters.consistency;
  options.serial_consistency = parameters.serial_consistency;
  options.page_size = parameters.page_size.value_or(0);
  options.paging_state = Bytes(parameters.paging_state.value_or(BytesView()));
  options.default_timestamp_us = parameters.timestamp;
  options.now_s = parameters.now_in_seconds;
  return options;
}

std::vector<db::BatchItem> to_batch_items(const wire::Batch& batch) {
  std::vector<db::BatchItem> items;
  items.reserve(batch.statements.size());
  for (const wire::BatchStatement& statement : batch.statements) {
    db::BatchItem item;
    (statement.prepared ? item.prepared_id : item.text) = std::string(statement.text_or_id);
    item.values = to_bound_values(statement.values, {});
    items.push_back(std::move(item));
  }
  return items;
}

wire::ResultMetadata to_result_metadata(const std::vector<db::ColumnSpec>& columns) {
  wire::ResultMetadata to;
  to.columns.reserve(columns.size());
  for (const db::ColumnSpec& column : columns) {
    to.columns.push_back({column.keyspace, column.table, column.name, column.type});
  }
  return to;
}

wire::ResultMetadata to_result_metadata(const db::Metadata& metadata) {
  wire::ResultMetadata to = to_result_metadata(metadata.columns);
  to.id = Bytes(id_of(metadata));
  return to;
}

BytesView id_of(const db::Metadata& metadata) {
  return {reinterpret_cast<const char*>(metadata.id.data()), metadata.id.size()};
}

wire::SchemaChange to_schema_change(const db::SchemaChangeEvent& event) {
  using Change = wire::SchemaChange::Change;
  using Target = wire::SchemaChange::Target;
  wire::SchemaChange to;
  to.change = event.change == "CREATED"   ? Change::kCreated
              : event.change == "DROPPED" ? Change::kDropped
                                          : Change::kUpdated;
  to.target = event.target == "KEYSPACE" ? Target::kKeyspace : event.target == "TYPE" ? Target::kType : Target::kTable;
  to.keyspace = event.keyspace;
  to.name = event.name;
  return to;
}

}  // namespace sagitta::server
