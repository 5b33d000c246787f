/// One CQL connection: the state of its session, touched on its core only. What takes frames and
/// requests is in cql_session.cc, what answers them in cql_answers.cc.
#pragma once

#include <memory>
#include <string>
#include <type_traits>

#include "sagitta/wire/frame.h"
#include "sagitta/wire/request.h"
#include "sagitta/wire/response.h"

#include "cql_call.h"
#include "cql_session.h"
#include "incoming.h"

namespace sagitta::server {

/// What the database is asked, and answers later.
template <class Message>
concept AsksDatabase = std::is_same_v<Message, wire::Query> || std::is_same_v<Message, wire::Execute> ||
                       std::is_same_v<Message, wire::Batch>;

class CqlSession final : public std::enable_shared_from_this<CqlSession> {
 public:
  CqlSession(SessionContext& context, async::ConnectionPtr connection)
      : context_(context),
        connection_(std::move(connection)),
        client_(context.database.connect(connection_->peer().address, connection_->peer().port)),
        incoming_(context.database.budgets().frames, context.workers) {}

  void on_data(BytesView bytes);
  /// The client says no more, but what it said may not be read yet.
  void on_end();
  void finish_when_idle();
  /// Takes frames, and bytes from the client, as far as there is room for their answers.
  void pace();
  void forget_connection();

 private:
  /// Where an answer goes. It keeps the session alive.
  struct Reply {
    std::shared_ptr<CqlSession> session;
    async::ConnectionPtr connection;
    CqlCall call;
  };

  /// Where the taking of frames stopped: there are no more, their answers have no room, or it is
  /// others' turn.
  enum class Taken : uint8_t { kAll, kCrowded, kTurn };

  // Frames.
  bool is_crowded() const { return in_flight_ >= kInFlightMax || connection_->unsent_bytes() > kUnsentBytesMax; }
  Taken take_frames();
  void take_more_later();
  void refuse(const wire::FrameError& refused);
  void take(wire::Frame& frame);
  void take(const wire::Request& request, CqlCall call);
  /// A large frame is opened, decoded and given to the database on a worker. Its answer comes as
  /// any.
  void take_large(wire::Frame frame, CqlCall call);

  // Requests.
  Caller caller() const;
  void startup(const wire::Startup& message, const CqlCall& call);
  void tell_of_start(const wire::Startup& message);
  void supported(const CqlCall& call);
  template <AsksDatabase Message>
  void handle(const Message& message, const wire::Request& request, CqlCall call);
  void handle(const wire::Prepare& message, const wire::Request& request, CqlCall call);
  void handle(const wire::Register& message, const wire::Request& request, const CqlCall& call);
  void handle(const wire::AuthResponse& message, const wire::Request& request, const CqlCall& call);
  std::shared_ptr<void> tell_of_schema_changes();
  /// On a worker.
  void ask_for(Reply reply, const Caller& caller, wire::Request request);
  void answer_prepare(const Reply& reply, const wire::Prepare& message, const Caller& caller);

  // Answers.
  /// Counts a request that is answered later.
  Reply begin(CqlCall call);
  void end(const CqlCall& call);
  db::Done done_for(Reply reply);
  /// Any thread.
  void answer(const Reply& reply, Result<db::Answer> answered);
  /// Any thread.
  void respond_later(const Reply& reply, const wire::OutgoingFrame& response, bool good);
  void respond(const CqlCall& call, const Result<db::Answer>& answered);
  void go_on();
  void send_error(int16_t stream, const Error& error, wire::Consistency consistency = wire::Consistency::kOne);
  void send(wire::OutgoingFrame response);

  SessionContext& context_;
  async::ConnectionPtr connection_;  ///< null once it is closed
  const db::ClientPtr client_;
  std::shared_ptr<void> schema_events_;  ///< set by REGISTER
  wire::FrameEncoder encoder_;
  Incoming incoming_;
  uint8_t version_ = 0;  ///< 0 until the first frame
  bool started_ = false, closing_ = false, ended_ = false;
  bool resuming_ = false;  ///< frames that have come wait for the session's next turn
  bool taking_ = false;    ///< an answer that comes at once must not take the next frame inside the taking of its own
  std::string keyspace_;
  size_t in_flight_ = 0;
};

}  // namespace sagitta::server
