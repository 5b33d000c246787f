/// What a session takes: frames, the handshake, requests; and how it keeps to its turns.
#include "cql_session.h"

#include <fmt/format.h>

#include <utility>

#include "sagitta/base/logging.h"

#include "refused_handler.h"
#include "session.h"
#include "translate.h"

namespace sagitta::server {

void CqlSession::on_data(BytesView bytes) {
  if (closing_) return;
  incoming_.frames().lend(bytes);
  pace();
  incoming_.frames().keep();
}

void CqlSession::on_end() {
  ended_ = true;
  client_->leave(context_.clock.steady_us() + kLeaveGraceUs);
  pace();
}

void CqlSession::finish_when_idle() {
  closing_ = true;
  if (in_flight_ == 0) connection_->finish();
}

void CqlSession::pace() {
  if (connection_ == nullptr || taking_) return;
  taking_ = true;
  const Taken taken = take_frames();
  taking_ = false;
  if (taken == Taken::kTurn) take_more_later();
  if (ended_ && taken == Taken::kAll && !closing_) finish_when_idle();
  connection_->pause_reading(resuming_ || is_crowded());
}

void CqlSession::forget_connection() {
  client_->leave(context_.clock.steady_us());
  schema_events_.reset();
  connection_.reset();
  incoming_.clear();
}

CqlSession::Taken CqlSession::take_frames() {
  const int64_t until_us = context_.clock.steady_us() + kTurnUs;
  while (!closing_) {
    if (is_crowded()) return Taken::kCrowded;
    auto next = incoming_.next();
    if (!next) {
      refuse(next.error());
    } else if (next->has_value()) {
      take(**next);
    } else if (!incoming_.frames().has_more()) {
      if (const auto refused = incoming_.charge_rest()) refuse(*refused);
      return Taken::kAll;
    }
    if (context_.clock.steady_us() >= until_us) return Taken::kTurn;
  }
  return Taken::kAll;
}

void CqlSession::take_more_later() {
  if (std::exchange(resuming_, true)) return;
  connection_->post([self = shared_from_this()] {
    self->resuming_ = false;
    self->pace();
  });
}

void CqlSession::refuse(const wire::FrameError& refused) {
  context_.errors.add();
  // The first frame is how drivers find out which versions there are.
  const LogLevel level = version_ == 0 ? LogLevel::kDebug : LogLevel::kInfo;
  log_event(level, "frame refused",
            {{"client", connection_->peer().to_string()}, {"error", refused.error.to_string()}});
  if (version_ == 0) version_ = refused.version;
  send({.stream = refused.stream,
        .opcode = wire::Opcode::kError,
        .body = wire::encode_error(version_, wire::to_error_message(refused.error))});
  if (refused.fatal) finish_when_idle();
}

void CqlSession::take(wire::Frame& frame) {
  context_.requests.add();
  client_->count_request();
  version_ = frame.version;
  auto charge = MemoryCharge::take(context_.database.budgets().frames, frame.plain_bytes);
  if (!charge) return send_error(frame.stream, charge.error());
  CqlCall call{.stream = frame.stream,
               .version = version_,
               .encoder = encoder_,
               .started_us = context_.clock.steady_us(),
               .charge = std::make_shared<MemoryCharge>(std::move(*charge))};
  if (frame.body == nullptr) return take_large(std::move(frame), std::move(call));
  auto request = wire::decode_request(frame);
  if (!request) return send_error(frame.stream, request.error());
  take(*request, std::move(call));
}

void CqlSession::take(const wire::Request& request, CqlCall call) {
  std::visit(
      Overloaded{[&](const wire::Startup& m) { startup(m, call); }, [&](const wire::Options&) { supported(call); },
                 [&](const auto& m) {
                   if (!started_) {
                     return send_error(call.stream,
                                       Error(ErrorCode::kProtocol, "STARTUP must come before any other request"));
                   }
                   handle(m, request, std::move(call));
                 }},
      request.message);
}

void CqlSession::take_large(wire::Frame frame, CqlCall call) {
  if (!started_) {
    const auto message = fmt::format("STARTUP must come before a request of {} bytes", frame.plain_bytes);
    return send_error(frame.stream, Error(ErrorCode::kProtocol, message));
  }
  Reply reply = begin(std::move(call));
  context_.workers.post(
      [this, reply = std::move(reply), caller = caller(), frame = std::make_shared<wire::Frame>(std::move(frame))] {
        const auto opened = open_body(*frame);
        auto request = opened ? wire::decode_request(*frame) : Result<wire::Request>(fail(opened));
        if (!request) return answer(reply, fail(request));
        ask_for(reply, caller, *std::move(request));
      });
}

void CqlSession::ask_for(Reply reply, const Caller& caller, wire::Request request) {
  std::visit(Overloaded{
      [&](const wire::Prepare& m) { answer_prepare(reply, m, caller); },
      [&]<class Message>(const Message& m)
        requires AsksDatabase<Message>
      {
        note(m, reply.call);
        ask(context_.database, m, request, caller, done_for(std::move(reply)));
      },
      // The others concern the session, and are short.
      [&](const auto&) {
        answer(reply, fail(ErrorCode::kProtocol,
                           fmt::format("{} bytes are too many for a request of its kind", request.body->size())));
      }},
      request.message);
}

void CqlSession::answer_prepare(const Reply& reply, const wire::Prepare& message, const Caller& caller) {
  const auto response = prepare(context_.database, message, caller, reply.call);
  respond_later(reply, response ? *response : encode_failure(reply.call, response.error()), response.has_value());
}

void CqlSession::startup(const wire::Startup& message, const CqlCall& call) {
  if (started_) return send_error(call.stream, Error(ErrorCode::kProtocol, "STARTUP came twice"));
  const auto compression = compression_of(message, version_);
  if (!compression) return send_error(call.stream, compression.error());
  started_ = true;
  tell_of_start(message);
  incoming_.frames().set_compression(*compression);
  send({.stream = call.stream, .opcode = wire::Opcode::kReady, .body = wire::encode_ready()});
  encoder_.set_compression(*compression);
  if (version_ >= 5) {
    incoming_.frames().use_segments();
    encoder_.use_segments();
  }
}

void CqlSession::tell_of_start(const wire::Startup& message) {
  std::map<std::string, std::string> options;
  size_t bytes = 0;
  for (const auto& [name, value] : message.options) {
    bytes += name.size() + value.size();
    if (bytes > kStartupBytesKept || options.size() == kStartupOptionsKept) break;
    options.emplace(name, value);
  }
  client_->start(version_, std::move(options));
}

void CqlSession::supported(const CqlCall& call) {
  send({.stream = call.stream, .opcode = wire::Opcode::kSupported, .body = encode_supported()});
}

Caller CqlSession::caller() const {
  return {keyspace_, client_, connection_->peer().address,
          Deadline::in_us(context_.clock, context_.request_timeout_us)};
}

template <AsksDatabase Message>
void CqlSession::handle(const Message& message, const wire::Request& request, CqlCall call) {
  note(message, call);
  ask(context_.database, message, request, caller(), done_for(begin(std::move(call))));
}

void CqlSession::handle(const wire::Prepare& message, const wire::Request& request, CqlCall call) {
  if (message.text.size() > db::kCallerTextBytes) {
    context_.workers.post([this, reply = begin(std::move(call)), caller = caller(), request] {
      answer_prepare(reply, std::get<wire::Prepare>(request.message), caller);
    });
    return;
  }
  auto response = prepare(context_.database, message, caller(), call);
  response ? send(*std::move(response)) : send_error(call.stream, response.error());
}

void CqlSession::handle(const wire::Register& message, const wire::Request&, const CqlCall& call) {
  for (const std::string_view event : message.events) {
    if (event == "SCHEMA_CHANGE" && schema_events_ == nullptr) schema_events_ = tell_of_schema_changes();
  }
  send({.stream = call.stream, .opcode = wire::Opcode::kReady, .body = wire::encode_ready()});
}

std::shared_ptr<void> CqlSession::tell_of_schema_changes() {
  return context_.database.on_schema_change([session = weak_from_this(), connection = std::weak_ptr(connection_)](
                                                const db::SchemaChangeEvent& event) {
    const auto open = connection.lock();
    if (open == nullptr) return;
    open->dispatch([session, change = to_schema_change(event)] {
      const auto self = session.lock();
      if (self == nullptr || self->connection_ == nullptr) return;
      self->send(
          {.stream = wire::kEventStream, .opcode = wire::Opcode::kEvent, .body = wire::encode_schema_event(change)});
    });
  });
}

/// We never ask for credentials; a client that sends them all the same is let in.
void CqlSession::handle(const wire::AuthResponse&, const wire::Request&, const CqlCall& call) {
  Bytes empty_token;
  put_big<int32_t>(empty_token, -1);
  send({.stream = call.stream, .opcode = wire::Opcode::kAuthSuccess, .body = std::move(empty_token)});
}

namespace {

/// Keeps the session alive while the connection lives; requests under way keep it a little longer.
class CqlHandler final : public async::ConnectionHandler {
 public:
  CqlHandler(std::shared_ptr<CqlSession> session, MemoryCharge charge)
      : session_(std::move(session)), charge_(std::move(charge)) {}
  void on_data(BytesView bytes) override { session_->on_data(bytes); }
  void on_end() override { session_->on_end(); }
  void on_stop() override { session_->finish_when_idle(); }
  void on_sent() override { session_->pace(); }
  void on_closed() override { session_->forget_connection(); }

 private:
  std::shared_ptr<CqlSession> session_;
  MemoryCharge charge_;
};

}  // namespace

std::unique_ptr<async::ConnectionHandler> make_cql_session(SessionContext& context,
                                                           const async::ConnectionPtr& connection) {
  auto charge = MemoryCharge::take(context.database.budgets().sessions, kSessionBytes);
  if (!charge) return refuse_connection(connection, charge.error());
  return std::make_unique<CqlHandler>(std::make_shared<CqlSession>(context, connection), std::move(*charge));
}

}  // namespace sagitta::server
