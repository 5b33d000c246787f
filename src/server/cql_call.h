/// One CQL request between its session and the database: what its answer needs to know of it, what
/// it asks, and the encoding of the answer. Nothing here touches a session: any thread may call it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/db/database.h"
#include "sagitta/wire/frame.h"
#include "sagitta/wire/request.h"
#include "sagitta/wire/response.h"

namespace sagitta::server {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

/// What an answer needs to know of its request.
struct CqlCall {
  int16_t stream = 0;
  uint8_t version = wire::kVersionMax;
  wire::FrameEncoder encoder;
  int64_t started_us = 0;
  /// For the request's bytes, until it is answered.
  std::shared_ptr<MemoryCharge> charge;
  wire::Consistency consistency = wire::Consistency::kOne;
  bool skip_metadata = false;
  /// v5 EXECUTE: what the client believes the columns to be.
  std::optional<Bytes> known_metadata_id;
};

/// Who asks.
struct Caller {
  std::string keyspace;
  db::ClientPtr client;
  std::string address;
  Deadline deadline;
};

/// Takes from a request what its answer needs.
void note(const wire::Query& message, CqlCall& call);
void note(const wire::Execute& message, CqlCall& call);
void note(const wire::Batch& message, CqlCall& call);

/// Asks the database.
void ask(db::Database& database, const wire::Query& message, const wire::Request& request, const Caller& caller,
         db::Done done);
void ask(db::Database& database, const wire::Execute& message, const wire::Request& request, const Caller& caller,
         db::Done done);
void ask(db::Database& database, const wire::Batch& message, const wire::Request& request, const Caller& caller,
         db::Done done);
Result<wire::OutgoingFrame> prepare(db::Database& database, const wire::Prepare& message, const Caller& caller,
                                    const CqlCall& call);

wire::OutgoingFrame encode_answer(const CqlCall& call, const db::Answer& answer);
wire::OutgoingFrame encode_failure(const CqlCall& call, const Error& error);
/// The bytes of `response`, in pieces of kAnswerPieceBytes at most: what is long is freed piece by
/// piece as it is sent.
std::vector<Bytes> in_pieces(const CqlCall& call, const wire::OutgoingFrame& response);

}  // namespace sagitta::server
