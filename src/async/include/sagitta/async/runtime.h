/// The per-core runtime: one event loop and one thread a core, TCP listeners shared by all cores,
/// and connections, taken or made, that never leave theirs. Protocols plug in as
/// `ConnectionHandler`s: bytes in, bytes out, no sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sagitta/base/bytes.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/result.h"

namespace sagitta::async {

/// "127.0.0.1:9042" in parts.
struct Endpoint {
  std::string address;
  uint16_t port = 0;

  /// kInvalid naming the text when it is not ADDRESS:PORT with a numeric address.
  static Result<Endpoint> parse(std::string_view text);
  std::string to_string() const;
};

/// One TCP connection. Methods marked *any thread* may be called from anywhere, the rest only from
/// the connection's core.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  virtual ~Connection() = default;
  /// Queues bytes to send; sent in order, coalesced. Nothing happens once the connection is closed.
  virtual void send(Bytes bytes) = 0;
  /// Closes after all queued bytes are sent.
  virtual void finish() = 0;
  /// Bytes queued and not yet taken by the operating system.
  virtual size_t unsent_bytes() const = 0;
  /// While paused no data is read, so that TCP makes the client wait.
  virtual void pause_reading(bool paused) = 0;
  /// Any thread. Runs `work` on the connection's core, at once if called there.
  virtual void dispatch(std::function<void()> work) = 0;
  /// Any thread. Runs `work` on the connection's core in a turn of its own, after all that waits
  /// there already.
  virtual void post(std::function<void()> work) = 0;
  virtual const Endpoint& peer() const = 0;
};
using ConnectionPtr = std::shared_ptr<Connection>;

/// What a protocol does with a connection. Called on the connection's core only; dies with the
/// connection.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  /// Bytes arrived; they are good only during the call.
  virtual void on_data(BytesView bytes) = 0;
  /// The other side sent its last byte. The handler answers what it still owes, then calls
  /// finish().
  virtual void on_end() = 0;
  /// The runtime is stopping: finish what is in flight, take nothing new, then call finish().
  virtual void on_stop() = 0;
  /// All queued bytes were taken by the operating system.
  virtual void on_sent() {}
  /// The connection is gone; nothing can be sent any more.
  virtual void on_closed() = 0;
};
using HandlerFactory = std::function<std::unique_ptr<ConnectionHandler>(const ConnectionPtr&)>;

struct ListenOptions {
  Endpoint endpoint;
  /// "cql", "http": names the listener in logs and metrics.
  std::string name;
  /// Connections above this are closed as soon as they are accepted.
  size_t connections_max = 10'000;
};

/// A turn of a core's loop that takes more of its thread's CPU time than this is counted: meanwhile
/// no other connection of that core is served.
inline constexpr int64_t kTurnCpuMaxUs = 2'000;

struct ConnectOptions {
  Endpoint endpoint;
  /// "bench", "peer": names these connections in metrics.
  std::string name;
  /// How long the attempt may take.
  int64_t timeout_ms = 5'000;
};
/// Why a connection was not made.
using ConnectFailed = std::function<void(const Error&)>;

/// Thread-safe.
class Runtime {
 public:
  virtual ~Runtime() = default;
  /// Binds on every core. kIo naming the address when it is in use or not ours. Returns the
  /// endpoint bound (port 0 is chosen).
  virtual Result<Endpoint> listen(const ListenOptions& options, HandlerFactory make_handler) = 0;
  /// Opens a connection on one of the cores, in turns. Ends with one call on that core: of
  /// `make_handler` when the connection stands, else of `failed` with an error that names the
  /// endpoint: kIo when it is no address, refuses, or has not answered after `timeout_ms`;
  /// kUnavailable when the runtime stops meanwhile. An attempt that begins while the runtime stops
  /// ends with neither.
  virtual void connect(const ConnectOptions& options, HandlerFactory make_handler, ConnectFailed failed) = 0;
  /// Runs `work` every `period_ms` on the first core until the runtime stops.
  virtual void every_ms(int64_t period_ms, std::function<void()> work) = 0;
  /// The CPU time of the longest turn of any core so far: an upper bound, exact to a tenth of a
  /// millisecond and what the loop itself took. Also the gauge sagitta_turn_longest_seconds;
  /// sagitta_turns_long_total counts the turns past kTurnCpuMaxUs.
  virtual int64_t longest_turn_us() const = 0;
  /// Two phases: no new connections and on_stop() to each handler; then, after `grace_ms` at most,
  /// closes what is left and joins.
  virtual void stop(int64_t grace_ms) = 0;
};

/// Starts `cores` threads.
std::unique_ptr<Runtime> make_runtime(int cores, MetricsRegistry& metrics);

}  // namespace sagitta::async
