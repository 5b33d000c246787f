/// What a session answers: in whatever order answers are ready, from whatever thread they come.
#include <utility>

#include "sagitta/base/logging.h"

#include "session.h"

namespace sagitta::server {

CqlSession::Reply CqlSession::begin(CqlCall call) {
  ++in_flight_;
  context_.in_flight.add(1);
  return {shared_from_this(), connection_, std::move(call)};
}

void CqlSession::end(const CqlCall& call) {
  --in_flight_;
  context_.in_flight.add(-1);
  context_.seconds.observe(static_cast<double>(context_.clock.steady_us() - call.started_us) * 1e-6);
}

db::Done CqlSession::done_for(Reply reply) {
  return [this, reply = std::move(reply)](Result<db::Answer> answered) { answer(reply, std::move(answered)); };
}

void CqlSession::answer(const Reply& reply, Result<db::Answer> answered) {
  const auto* rows = answered ? std::get_if<db::Rows>(&answered->body) : nullptr;
  if (rows == nullptr || rows->cells.size() <= kLargeAnswerBytes) {
    reply.connection->dispatch([this, reply, answered = std::move(answered)] { respond(reply.call, answered); });
    return;
  }
  context_.workers.post_slices([this, reply, answered = std::move(answered)] {
    respond_later(reply, encode_answer(reply.call, *answered), true);
    return true;
  });
}

void CqlSession::respond_later(const Reply& reply, const wire::OutgoingFrame& response, bool good) {
  auto pieces = std::make_shared<std::vector<Bytes>>(in_pieces(reply.call, response));
  reply.connection->dispatch([this, reply, pieces, good] {
    end(reply.call);
    if (connection_ == nullptr) return;
    if (!good) context_.errors.add();
    for (Bytes& piece : *pieces) connection_->send(std::move(piece));
    go_on();
  });
}

void CqlSession::respond(const CqlCall& call, const Result<db::Answer>& answered) {
  end(call);
  if (connection_ == nullptr) return;
  if (answered) {
    if (const auto* set = std::get_if<db::SetKeyspace>(&answered->body)) {
      keyspace_ = set->keyspace;
      client_->use(keyspace_);
    }
    send(encode_answer(call, *answered));
  } else {
    send_error(call.stream, answered.error(), call.consistency);
  }
  go_on();
}

void CqlSession::go_on() {
  if (closing_ && in_flight_ == 0) connection_->finish();
  pace();
}

void CqlSession::send_error(int16_t stream, const Error& error, wire::Consistency consistency) {
  context_.errors.add();
  if (error.code() == ErrorCode::kServer || error.code() == ErrorCode::kCorruption) {
    log_error("request failed", {{"error", error.to_string()}, {"client", connection_->peer().to_string()}});
  }
  send({.stream = stream,
        .opcode = wire::Opcode::kError,
        .body = wire::encode_error(version_, wire::to_error_message(error, consistency))});
}

void CqlSession::send(wire::OutgoingFrame response) {
  response.version = version_;
  Bytes bytes;
  encoder_.encode(response, bytes);
  connection_->send(std::move(bytes));
}

}  // namespace sagitta::server
