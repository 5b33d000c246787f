#include "sagitta/replica/records.h"

namespace sagitta::replica {

log::Record mutation_record(const schema::Schema& schema, std::span<const rows::Mutation> mutations) {
  log::Record record{.kind = log::RecordKind::kMutation, .schema_version = schema.version};
  size_t bytes = 0;
  for (const rows::Mutation& mutation : mutations) bytes += rows::size_bytes(mutation);
  record.payload.reserve(bytes);
  rows::encode(mutations, record.payload);
  return record;
}

log::Record conditional_record(const schema::Schema& schema, const rows::ConditionalWrite& write) {
  log::Record record{.kind = log::RecordKind::kConditional, .schema_version = schema.version};
  rows::encode(write, record.payload);
  return record;
}

log::Record schema_record(const schema::Schema& schema, const schema::SchemaChange& change) {
  log::Record record{.kind = log::RecordKind::kSchema, .schema_version = schema.version};
  schema::encode(change, record.payload);
  return record;
}

log::Record truncate_record(const schema::Schema& schema, uint32_t table_id) {
  log::Record record{.kind = log::RecordKind::kTruncate, .schema_version = schema.version};
  put_varint(record.payload, table_id);
  return record;
}

Result<uint32_t> decode_truncate(BytesView payload) {
  const auto id = ByteReader(payload).varint();
  if (!id || *id > UINT32_MAX) return fail(ErrorCode::kCorruption, "a truncate record without a table id");
  return static_cast<uint32_t>(*id);
}

}  // namespace sagitta::replica
