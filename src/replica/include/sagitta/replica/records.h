/// What goes into the log: the records that a replica understands, made from what they do.
#pragma once

#include <span>

#include "sagitta/log/record.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/schema/schema_change.h"

namespace sagitta::replica {

/// Each is bound to the schema the writer had. Request id and not_after_us are the caller's to set.
log::Record mutation_record(const schema::Schema& schema, std::span<const rows::Mutation> mutations);
log::Record conditional_record(const schema::Schema& schema, const rows::ConditionalWrite& write);
log::Record schema_record(const schema::Schema& schema, const schema::SchemaChange& change);
log::Record truncate_record(const schema::Schema& schema, uint32_t table_id);

/// Of a kTruncate record. kCorruption.
Result<uint32_t> decode_truncate(BytesView payload);

}  // namespace sagitta::replica
