#include "sagitta/load/client.h"

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <future>
#include <utility>
#include <vector>

#include "sagitta/base/assert.h"

namespace sagitta::load {
namespace {

/// A stream is a positive i16.
constexpr size_t kStreamsMax = 32'768;

/// Gives what comes first to who waits; later values are dropped, so that it may be given to
/// several callbacks.
template <class T>
class Once {
 public:
  void set(Result<T> value) {
    if (!std::exchange(set_, true)) promise_.set_value(std::move(value));
  }
  /// kReadTimeout naming `what` when nothing comes.
  Result<T> wait(int64_t timeout_ms, std::string_view what) {
    auto future = promise_.get_future();
    if (future.wait_for(std::chrono::milliseconds(timeout_ms)) == std::future_status::ready) return future.get();
    return fail(ErrorCode::kReadTimeout, fmt::format("no answer to {} within {} ms", what, timeout_ms));
  }

 private:
  std::promise<Result<T>> promise_;
  bool set_ = false;  // on the client's core only
};

class TcpClient final : public Client, public std::enable_shared_from_this<TcpClient> {
 public:
  explicit TcpClient(const ClientOptions& options)
      : Client(options.timeout_ms),
        options_(options),
        decoder_(limits::kFrameBytesMax, wire::Sender::kServer, SIZE_MAX),
        encoder_(wire::Sender::kClient) {}

  void send(const wire::Message& message, Answered answered) override {
    send_request(message, false, std::move(answered));
  }
  void on_core(std::function<void()> work) override { dispatcher_->dispatch(std::move(work)); }
  void close() override {
    on_core([self = shared_from_this()] {
      if (self->connection_ != nullptr) self->connection_->finish();
    });
  }

  /// STARTUP, and what follows from READY.
  void start(async::ConnectionPtr connection, Answered ready) {
    connection_ = dispatcher_ = std::move(connection);
    wire::Startup startup{{{"CQL_VERSION", "3.0.0"}}};
    if (options_.compression == wire::Compression::kLz4) startup.options.emplace_back("COMPRESSION", "lz4");
    if (options_.compression == wire::Compression::kSnappy) startup.options.emplace_back("COMPRESSION", "snappy");
    send(startup, [this, ready = std::move(ready)](Result<wire::Response> answer) {
      if (answer && !std::holds_alternative<wire::Ready>(answer->reply)) {
        answer = fail(ErrorCode::kUnauthorized, "the server wants credentials");
      }
      if (answer) agree();
      ready(std::move(answer));
    });
  }

  void on_data(BytesView bytes) {
    decoder_.feed(bytes);
    taking_ = true;
    while (connection_ != nullptr) {
      auto next = decoder_.next();
      if (next && !next->has_value() && decoder_.has_more()) continue;
      if (next && !next->has_value()) break;
      if (next) {
        take(**next);
      } else {
        take_refused(next.error());
      }
    }
    taking_ = false;
    flush();
  }

  void lose(const Error& why) {
    connection_.reset();
    for (Answered& waiting : streams_) {
      if (waiting) std::exchange(waiting, nullptr)(std::unexpected(why));
    }
    for (Queued& queued : std::exchange(queue_, {})) queued.answered(std::unexpected(why));
  }

 protected:
  void send_request(const wire::Message& message, bool tracing, Answered answered) override {
    if (connection_ == nullptr) return answered(fail(ErrorCode::kIo, "the connection is lost"));
    auto frame = wire::encode_request({.version = options_.version, .tracing = tracing, .message = message});
    if (!frame) return answered(fail(frame));
    const bool full = free_.empty() && streams_.size() == kStreamsMax;
    queue_.push_back({*std::move(frame), std::move(answered)});
    if (!full) send_queued();
    if (!taking_) flush();
  }

 private:
  struct Queued {
    wire::OutgoingFrame frame;
    Answered answered;
  };

  void agree() {
    decoder_.set_compression(options_.compression);
    encoder_.set_compression(options_.compression);
    if (options_.version < 5) return;
    decoder_.use_segments();
    encoder_.use_segments();
  }

  int16_t take_stream() {
    if (free_.empty()) {
      streams_.emplace_back();
      return static_cast<int16_t>(streams_.size() - 1);
    }
    const int16_t stream = free_.back();
    free_.pop_back();
    return stream;
  }

  void send_queued() {
    Queued queued = std::move(queue_.front());
    queue_.pop_front();
    queued.frame.stream = take_stream();
    streams_[static_cast<size_t>(queued.frame.stream)] = std::move(queued.answered);
    outgoing_.push_back(std::move(queued.frame));
  }

  /// What the answers of one read led to goes out together, as drivers do it.
  void flush() {
    if (outgoing_.empty() || connection_ == nullptr) return;
    Bytes bytes;
    encoder_.encode(outgoing_, bytes);
    outgoing_.clear();
    connection_->send(std::move(bytes));
  }

  void take(const wire::Frame& frame) {
    if (frame.stream < 0) return;  // an event
    auto response = wire::decode_response(frame);
    if (!response) return answer(frame.stream, fail(response));
    if (const auto* error = std::get_if<wire::ErrorMessage>(&response->reply)) {
      return answer(frame.stream, std::unexpected(wire::to_error(*error)));
    }
    answer(frame.stream, std::move(response));
  }

  void take_refused(const wire::FrameError& refused) {
    if (!refused.fatal) return answer(refused.stream, std::unexpected(refused.error));
    const auto connection = connection_;
    lose(refused.error);
    if (connection != nullptr) connection->finish();
  }

  void answer(int16_t stream, Result<wire::Response> response) {
    const auto at = static_cast<size_t>(stream);
    if (stream < 0 || at >= streams_.size() || !streams_[at]) return;
    const Answered answered = std::exchange(streams_[at], nullptr);
    free_.push_back(stream);
    if (!queue_.empty()) send_queued();
    answered(std::move(response));
  }

  const ClientOptions options_;
  async::ConnectionPtr connection_;  ///< null once it is lost
  async::ConnectionPtr dispatcher_;  ///< the way to the core, for as long as the client lives
  wire::FrameDecoder decoder_;
  wire::FrameEncoder encoder_;
  std::vector<Answered> streams_;  ///< who waits on each
  std::vector<int16_t> free_;
  std::deque<Queued> queue_;  ///< waits for a stream
  std::vector<wire::OutgoingFrame> outgoing_;
  bool taking_ = false;
};

class Handler final : public async::ConnectionHandler {
 public:
  Handler(std::shared_ptr<TcpClient> client, async::ConnectionPtr connection)
      : client_(std::move(client)), connection_(std::move(connection)) {}
  void on_data(BytesView bytes) override { client_->on_data(bytes); }
  void on_end() override { connection_->finish(); }
  void on_stop() override { connection_->finish(); }
  void on_closed() override { client_->lose(Error(ErrorCode::kIo, "the connection is lost")); }

 private:
  std::shared_ptr<TcpClient> client_;
  async::ConnectionPtr connection_;
};

}  // namespace

Result<ClientPtr> Client::open(async::Runtime& runtime, const ClientOptions& options) {
  const auto client = std::make_shared<TcpClient>(options);
  const auto ready = std::make_shared<Once<wire::Response>>();
  runtime.connect(
      {options.server, "load", options.timeout_ms},
      [client, ready](const async::ConnectionPtr& connection) {
        client->start(connection, [ready](Result<wire::Response> answer) { ready->set(std::move(answer)); });
        return std::make_unique<Handler>(client, connection);
      },
      [ready](const Error& error) { ready->set(std::unexpected(error)); });
  SAGITTA_CHECK(ready->wait(options.timeout_ms, "STARTUP"));
  return client;
}

Result<wire::Response> Client::ask(const wire::Message& message, bool tracing) {
  const auto answer = std::make_shared<Once<wire::Response>>();
  // The views in `message` must live until they are copied on the core.
  std::promise<void> sent;
  on_core([&] {
    send_request(message, tracing, [answer](Result<wire::Response> response) { answer->set(std::move(response)); });
    sent.set_value();
  });
  sent.get_future().wait();
  return answer->wait(timeout_ms_, "a request");
}

Status Client::run(std::string_view statement) {
  SAGITTA_CHECK(ask(wire::Query{statement, {}}));
  return {};
}

Result<Statement> Client::prepare(std::string_view statement) {
  SAGITTA_TRY(const auto response, ask(wire::Prepare{statement, std::nullopt}));
  if (const auto* prepared = std::get_if<wire::Prepared>(&response.reply)) {
    return Statement{Bytes(prepared->id), prepared->result.id};
  }
  return fail(ErrorCode::kProtocol, fmt::format("no RESULT of kind Prepared to '{}'", statement));
}

}  // namespace sagitta::load
