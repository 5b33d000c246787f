/// One connection of a CQL client: handshake, then as many requests in flight as the protocol has
/// streams. Written for load: it costs little beside a server, and retries nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sagitta/async/runtime.h"
#include "sagitta/base/result.h"
#include "sagitta/wire/client.h"
#include "sagitta/wire/request.h"

namespace sagitta::load {

struct ClientOptions {
  async::Endpoint server;
  uint8_t version = wire::kVersionMax;
  wire::Compression compression = wire::Compression::kNone;
  int64_t timeout_ms = 10'000;  ///< of connecting, and of each request that is waited for
};

/// The answer to a request, or why there is none: the server's own error (wire::to_error), or kIo
/// when the connection is lost.
using Answered = std::function<void(Result<wire::Response>)>;

/// A prepared statement, by the ids that EXECUTE needs.
struct Statement {
  Bytes id, result_metadata_id;
};

/// Shared by its connection and its users.
class Client {
 public:
  /// Connects and agrees on version and compression; blocks the caller, which is no core of
  /// `runtime`. `runtime` must outlive the client.
  static Result<std::shared_ptr<Client>> open(async::Runtime& runtime, const ClientOptions& options);
  virtual ~Client() = default;

  /// Sends a request; `answered` is called on the client's core, once. Without a free stream it
  /// waits for one. What `message` views is copied before this returns. On the client's core only.
  virtual void send(const wire::Message& message, Answered answered) = 0;
  /// Any thread. Runs `work` on the client's core.
  virtual void on_core(std::function<void()> work) = 0;
  /// Any thread that is no core. Closes the connection once what was sent is on its way.
  virtual void close() = 0;

  /// Sends a request and waits for its answer. Any thread that is no core. kReadTimeout after
  /// options.timeout_ms.
  Result<wire::Response> ask(const wire::Message& message, bool tracing = false);
  /// A statement without values whose answer does not matter, if it is no error.
  Status run(std::string_view statement);
  Result<Statement> prepare(std::string_view statement);

 protected:
  explicit Client(int64_t timeout_ms) : timeout_ms_(timeout_ms) {}
  virtual void send_request(const wire::Message& message, bool tracing, Answered answered) = 0;

 private:
  int64_t timeout_ms_;
};
using ClientPtr = std::shared_ptr<Client>;

}  // namespace sagitta::load
