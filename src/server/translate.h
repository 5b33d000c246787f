/// Between the protocol's words and the database's: requests in, answers out. Pure functions.
#pragma once

#include <vector>

#include "sagitta/db/answer.h"
#include "sagitta/db/request.h"
#include "sagitta/wire/request.h"
#include "sagitta/wire/response.h"

namespace sagitta::server {

/// What STARTUP asks for; kProtocol when the version does not have it.
Result<wire::Compression> compression_of(const wire::Startup& message, uint8_t version);
Bytes encode_supported();
db::RequestOptions to_request_options(const wire::QueryParameters& parameters, std::string_view session_keyspace);
std::vector<db::BatchItem> to_batch_items(const wire::Batch& batch);
wire::ResultMetadata to_result_metadata(const db::Metadata& metadata);
BytesView id_of(const db::Metadata& metadata);
wire::ResultMetadata to_result_metadata(const std::vector<db::ColumnSpec>& columns);
wire::SchemaChange to_schema_change(const db::SchemaChangeEvent& event);

}  // namespace sagitta::server
