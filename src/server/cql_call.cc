#include "cql_call.h"

#include <utility>

#include "cql_session.h"
#include "translate.h"

namespace sagitta::server {
namespace {

db::RequestOptions options_of(const wire::QueryParameters& parameters, const wire::Request& request,
                              const Caller& caller) {
  db::RequestOptions options = to_request_options(parameters, caller.keyspace);
  options.deadline = caller.deadline;
  options.tracing = request.tracing;
  options.who = {.address = caller.address};
  options.client = caller.client;
  return options;
}

Bytes encode_rows(const CqlCall& call, const db::Rows& rows) {
  const db::Metadata& known = *rows.metadata;
  const bool has_ids = call.version >= 5 && call.known_metadata_id;
  const bool changed = has_ids && *call.known_metadata_id != id_of(known);
  std::optional<wire::ResultMetadata> metadata;
  if (!call.skip_metadata || changed || (rows.columns_changed && !has_ids)) metadata = to_result_metadata(known);
  return wire::encode_rows(
      call.version,
      {.metadata = metadata ? &*metadata : nullptr,
       .column_count = known.columns.size(),
       .paging_state = rows.paging_state.empty() ? std::nullopt : std::optional<BytesView>(rows.paging_state),
       .metadata_changed = changed,
       .row_count = rows.row_count,
       .cells = rows.cells});
}

}  // namespace

void note(const wire::Query& message, CqlCall& call) {
  call.consistency = message.parameters.consistency;
  call.skip_metadata = message.parameters.skip_metadata;
}

void note(const wire::Execute& message, CqlCall& call) {
  call.consistency = message.parameters.consistency;
  call.skip_metadata = message.parameters.skip_metadata;
  if (call.version >= 5) call.known_metadata_id = Bytes(message.result_metadata_id);
}

void note(const wire::Batch& message, CqlCall& call) { call.consistency = message.parameters.consistency; }

void ask(db::Database& database, const wire::Query& message, const wire::Request& request, const Caller& caller,
         db::Done done) {
  database.query(std::string(message.text), options_of(message.parameters, request, caller), std::move(done));
}

void ask(db::Database& database, const wire::Execute& message, const wire::Request& request, const Caller& caller,
         db::Done done) {
  database.execute(message.id, options_of(message.parameters, request, caller), std::move(done));
}

void ask(db::Database& database, const wire::Batch& message, const wire::Request& request, const Caller& caller,
         db::Done done) {
  database.batch(message.kind, to_batch_items(message), options_of(message.parameters, request, caller),
                 std::move(done));
}

Result<wire::OutgoingFrame> prepare(db::Database& database, const wire::Prepare& message, const Caller& caller,
                                    const CqlCall& call) {
  SAGITTA_TRY(const auto prepared,
              database.prepare(message.text, message.keyspace.value_or(caller.keyspace), {.address = caller.address}));
  const wire::ResultMetadata markers = to_result_metadata(prepared->markers);
  const wire::ResultMetadata result = to_result_metadata(*prepared->result);
  return wire::OutgoingFrame{
      .version = call.version,
      .stream = call.stream,
      .opcode = wire::Opcode::kResult,
      .body = wire::encode_prepared(
          call.version,
          {.id = prepared->id, .markers = &markers, .partition_key_indexes = prepared->pk_indexes, .result = &result})};
}

wire::OutgoingFrame encode_answer(const CqlCall& call, const db::Answer& answer) {
  wire::OutgoingFrame response{.version = call.version, .stream = call.stream, .opcode = wire::Opcode::kResult};
  response.body = std::visit(
      Overloaded{
          [](const db::Void&) { return wire::encode_void(); },
          [&](const db::Rows& rows) { return encode_rows(call, rows); },
          [](const db::SetKeyspace& set) { return wire::encode_set_keyspace(set.keyspace); },
          [](const db::SchemaChangeEvent& event) { return wire::encode_schema_change(to_schema_change(event)); }},
      answer.body);
  wire::add_prefix(response, answer.tracing_id, answer.warnings);
  return response;
}

wire::OutgoingFrame encode_failure(const CqlCall& call, const Error& error) {
  return {.version = call.version,
          .stream = call.stream,
          .opcode = wire::Opcode::kError,
          .body = wire::encode_error(call.version, wire::to_error_message(error, call.consistency))};
}

std::vector<Bytes> in_pieces(const CqlCall& call, const wire::OutgoingFrame& response) {
  Bytes bytes;
  call.encoder.encode(response, bytes);
  std::vector<Bytes> pieces;
  if (bytes.size() <= kAnswerPieceBytes) {
    pieces.push_back(std::move(bytes));
    return pieces;
  }
  for (size_t at = 0; at < bytes.size(); at += kAnswerPieceBytes) {
    pieces.emplace_back(BytesView(bytes).substr(at, kAnswerPieceBytes));
  }
  return pieces;
}

}  // namespace sagitta::server
