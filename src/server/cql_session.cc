#include "cql_session.h"

#include <fmt/format.h>

#include <utility>

#include "sagitta/base/logging.h"
#include "sagitta/wire/frame.h"
#include "sagitta/wire/request.h"
#include "sagitta/wire/response.h"

#include "refused_handler.h"
#include "translate.h"

namespace sagitta::server {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

/// What a session holds of frames that are not whole. Not thread-safe.
class ReceivedBytes {
 public:
  explicit ReceivedBytes(MemoryBudget& budget) : budget_(budget) {}
  ~ReceivedBytes() { budget_.release(charged_); }
  ReceivedBytes(const ReceivedBytes&) = delete;
  ReceivedBytes& operator=(const ReceivedBytes&) = delete;

  /// Charges `bytes` in place of what was charged; on an error it stays as it was.
  Status charge(size_t bytes) {
    release_down_to(bytes);
    if (bytes <= kUnchargedBytes || bytes == charged_) return {};
    SAGITTA_CHECK(budget_.charge(bytes - charged_));
    charged_ = bytes;
    return {};
  }
  void release_down_to(size_t bytes) {
    if (bytes <= kUnchargedBytes) bytes = 0;
    if (bytes >= charged_) return;
    budget_.release(charged_ - bytes);
    charged_ = bytes;
  }

 private:
  MemoryBudget& budget_;
  size_t charged_ = 0;
};

class CqlSession final : public std::enable_shared_from_this<CqlSession> {
 public:
  CqlSession(SessionContext& context, async::ConnectionPtr connection)
      : context_(context), connection_(std::move(connection)), received_(context.database.budgets().frames) {}

  void on_data(BytesView bytes) {
    if (closing_) return;
    decoder_.feed(bytes);
    pace();
  }

  /// The client says no more, but what it said may not be read yet.
  void on_end() {
    ended_ = true;
    pace();
  }

  void finish_when_idle() {
    closing_ = true;
    if (in_flight_ == 0) connection_->finish();
  }

  /// Takes frames, and bytes from the client, as far as there is room for their answers.
  void pace() {
    if (connection_ == nullptr || taking_) return;
    taking_ = true;
    const bool took_all = take_frames();
    taking_ = false;
    if (ended_ && took_all && !closing_) finish_when_idle();
    connection_->pause_reading(is_crowded());
  }

  void forget_connection() {
    schema_events_.reset();
    connection_.reset();
    decoder_ = wire::FrameDecoder();
    received_.release_down_to(0);
  }

 private:
  /// What an answer needs to know of its request.
  struct Pending {
    int16_t stream;
    int64_t started_us;
    wire::Consistency consistency = wire::Consistency::kOne;
    bool skip_metadata = false;
    /// v5 EXECUTE: what the client believes the columns to be.
    std::optional<Bytes> known_metadata_id;
    std::shared_ptr<MemoryCharge> charge;
  };

  bool is_crowded() const { return in_flight_ >= kInFlightMax || connection_->unsent_bytes() > kUnsentBytesMax; }

  /// False when it stopped for the answers' sake.
  bool take_frames() {
    while (!closing_) {
      if (is_crowded()) return false;
      auto next = decoder_.next();
      if (!next) {
        refuse(next.error());
      } else if (next->has_value()) {
        received_.release_down_to(decoder_.buffered());
        take(**next);
      } else {
        charge_received();
        return true;
      }
    }
    return true;
  }

  void charge_received() {
    if (const auto charged = received_.charge(decoder_.buffered()); !charged) {
      wire::FrameError refused = decoder_.give_up(charged.error());
      // Of a segment that is not whole nothing can be given up.
      if (!received_.charge(decoder_.buffered())) refused.fatal = true;
      refuse(refused);
    }
  }

  void refuse(const wire::FrameError& refused) {
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

  void take(const wire::Frame& frame) {
    context_.requests.add();
    version_ = frame.version;
    auto charge = MemoryCharge::take(context_.database.budgets().frames, frame.body->size());
    if (!charge) return send_error(frame.stream, charge.error());
    auto request = wire::decode_request(frame);
    if (!request) return send_error(frame.stream, request.error());
    Pending pending{.stream = frame.stream,
                    .started_us = context_.clock.steady_us(),
                    .charge = std::make_shared<MemoryCharge>(std::move(*charge))};
    std::visit(Overloaded{[&](const wire::Startup& m) { startup(m, pending); },
                          [&](const wire::Options&) { supported(pending); },
                          [&](const auto& m) {
                            if (!started_) {
                              return send_error(pending.stream, Error(ErrorCode::kProtocol,
                                                                      "STARTUP must come before any other request"));
                            }
                            handle(m, *request, std::move(pending));
                          }},
               request->message);
  }

  void startup(const wire::Startup& message, const Pending& pending) {
    if (started_) return send_error(pending.stream, Error(ErrorCode::kProtocol, "STARTUP came twice"));
    wire::Compression compression = wire::Compression::kNone;
    if (const auto name = message.find("COMPRESSION"); name && !name->empty()) {
      const auto known = wire::compression_from_name(*name);
      if (!known || (version_ >= 5 && *known == wire::Compression::kSnappy)) {
        return send_error(
            pending.stream,
            Error(ErrorCode::kProtocol, fmt::format("unknown compression algorithm '{}' for v{}", *name, version_)));
      }
      compression = *known;
    }
    started_ = true;
    decoder_.set_compression(compression);
    send({.stream = pending.stream, .opcode = wire::Opcode::kReady, .body = wire::encode_ready()});
    encoder_.set_compression(compression);
    if (version_ >= 5) {
      decoder_.use_segments();
      encoder_.use_segments();
    }
  }

  void supported(const Pending& pending) {
    send({.stream = pending.stream,
          .opcode = wire::Opcode::kSupported,
          .body = wire::encode_supported({{"PROTOCOL_VERSIONS", {"4/v4", "5/v5"}},
                                          {"COMPRESSION", {"snappy", "lz4"}},
                                          {"CQL_VERSION", {std::string(db::kCqlVersion)}}})});
  }

  db::RequestOptions options_of(const wire::Request& request, const wire::QueryParameters& parameters) {
    db::RequestOptions options = to_request_options(parameters, keyspace_);
    options.deadline = Deadline::in_us(context_.clock, context_.request_timeout_us);
    options.tracing = request.tracing;
    options.client_address = connection_->peer().address;
    return options;
  }

  void handle(const wire::Query& message, const wire::Request& request, Pending pending) {
    auto options = options_of(request, message.parameters);
    pending.consistency = message.parameters.consistency;
    pending.skip_metadata = message.parameters.skip_metadata;
    context_.database.query(std::string(message.text), std::move(options), answer_to(std::move(pending)));
  }

  void handle(const wire::Execute& message, const wire::Request& request, Pending pending) {
    auto options = options_of(request, message.parameters);
    pending.consistency = message.parameters.consistency;
    pending.skip_metadata = message.parameters.skip_metadata;
    if (version_ >= 5) pending.known_metadata_id = Bytes(message.result_metadata_id);
    context_.database.execute(message.id, std::move(options), answer_to(std::move(pending)));
  }

  void handle(const wire::Batch& message, const wire::Request& request, Pending pending) {
    auto options = options_of(request, message.parameters);
    pending.consistency = message.parameters.consistency;
    context_.database.batch(static_cast<db::BatchKind>(message.kind), to_batch_items(message), std::move(options),
                            answer_to(std::move(pending)));
  }

  void handle(const wire::Prepare& message, const wire::Request&, const Pending& pending) {
    const auto prepared = context_.database.prepare(message.text, message.keyspace.value_or(keyspace_));
    if (!prepared) return send_error(pending.stream, prepared.error());
    const wire::ResultMetadata markers = to_result_metadata((*prepared)->markers);
    const wire::ResultMetadata result = to_result_metadata(*(*prepared)->result);
    send({.stream = pending.stream,
          .opcode = wire::Opcode::kResult,
          .body = wire::encode_prepared(version_, {.id = (*prepared)->id,
                                                   .markers = &markers,
                                                   .partition_key_indexes = (*prepared)->pk_indexes,
                                                   .result = &result})});
  }

  void handle(const wire::Register& message, const wire::Request&, const Pending& pending) {
    for (const std::string_view event : message.events) {
      if (event == "SCHEMA_CHANGE" && schema_events_ == nullptr) schema_events_ = tell_of_schema_changes();
    }
    send({.stream = pending.stream, .opcode = wire::Opcode::kReady, .body = wire::encode_ready()});
  }

  std::shared_ptr<void> tell_of_schema_changes() {
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
  void handle(const wire::AuthResponse&, const wire::Request&, const Pending& pending) {
    Bytes empty_token;
    put_big<int32_t>(empty_token, -1);
    send({.stream = pending.stream, .opcode = wire::Opcode::kAuthSuccess, .body = std::move(empty_token)});
  }

  db::Done answer_to(Pending pending) {
    ++in_flight_;
    context_.in_flight.add(1);
    return
        [self = shared_from_this(), connection = connection_, pending = std::move(pending)](Result<db::Answer> answer) {
          connection->dispatch([self, pending, answer = std::move(answer)] { self->respond(pending, answer); });
        };
  }

  void respond(const Pending& pending, const Result<db::Answer>& answer) {
    --in_flight_;
    context_.in_flight.add(-1);
    context_.seconds.observe(static_cast<double>(context_.clock.steady_us() - pending.started_us) * 1e-6);
    if (connection_ == nullptr) return;
    if (answer) {
      send_answer(pending, *answer);
    } else {
      send_error(pending.stream, answer.error(), pending.consistency);
    }
    if (closing_ && in_flight_ == 0) connection_->finish();
    pace();
  }

  void send_answer(const Pending& pending, const db::Answer& answer) {
    wire::OutgoingFrame response{.stream = pending.stream, .opcode = wire::Opcode::kResult};
    response.body = std::visit(Overloaded{[](const db::Void&) { return wire::encode_void(); },
                                          [&](const db::Rows& rows) { return encode_rows(pending, rows); },
                                          [&](const db::SetKeyspace& set) {
                                            keyspace_ = set.keyspace;
                                            return wire::encode_set_keyspace(set.keyspace);
                                          },
                                          [](const db::SchemaChangeEvent& event) {
                                            return wire::encode_schema_change(to_schema_change(event));
                                          }},
                               answer.body);
    wire::add_prefix(response, answer.tracing_id, answer.warnings);
    send(std::move(response));
  }

  Bytes encode_rows(const Pending& pending, const db::Rows& rows) const {
    const db::Metadata& known = *rows.metadata;
    const bool has_ids = version_ >= 5 && pending.known_metadata_id;
    const bool changed = has_ids && *pending.known_metadata_id != id_of(known);
    std::optional<wire::ResultMetadata> metadata;
    if (!pending.skip_metadata || changed || (rows.columns_changed && !has_ids)) metadata = to_result_metadata(known);
    return wire::encode_rows(
        version_,
        {.metadata = metadata ? &*metadata : nullptr,
         .column_count = known.columns.size(),
         .paging_state = rows.paging_state.empty() ? std::nullopt : std::optional<BytesView>(rows.paging_state),
         .metadata_changed = changed,
         .row_count = rows.row_count,
         .cells = rows.cells});
  }

  void send_error(int16_t stream, const Error& error, wire::Consistency consistency = wire::Consistency::kOne) {
    context_.errors.add();
    if (error.code() == ErrorCode::kServer || error.code() == ErrorCode::kCorruption) {
      log_error("request failed", {{"error", error.to_string()}, {"client", connection_->peer().to_string()}});
    }
    send({.stream = stream,
          .opcode = wire::Opcode::kError,
          .body = wire::encode_error(version_, wire::to_error_message(error, consistency))});
  }

  void send(wire::OutgoingFrame response) {
    response.version = version_;
    Bytes bytes;
    encoder_.encode(response, bytes);
    connection_->send(std::move(bytes));
  }

  SessionContext& context_;
  async::ConnectionPtr connection_;      ///< null once it is closed
  std::shared_ptr<void> schema_events_;  ///< set by REGISTER
  wire::FrameDecoder decoder_;
  wire::FrameEncoder encoder_;
  ReceivedBytes received_;
  uint8_t version_ = 0;  ///< 0 until the first frame
  bool started_ = false, closing_ = false, ended_ = false;
  bool taking_ = false;  ///< an answer that comes at once must not take the next frame inside the taking of its own
  std::string keyspace_;
  size_t in_flight_ = 0;
};

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
