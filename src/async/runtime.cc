#include "sagitta/async/runtime.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <chrono>
#include <deque>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "sagitta/base/assert.h"
#include "sagitta/base/logging.h"

#include "turn_watch.h"

namespace sagitta::async {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Read in one turn at most.
constexpr size_t kReadBytes = 64 * 1024;
/// Pieces to send that are shorter than this together leave in one call.
constexpr size_t kGatherBytes = 64 * 1024;
/// Of the pieces that a closed connection has not sent.
constexpr int kDroppedInTurn = 16;

/// The figures of connections of one kind.
struct ConnectionStats {
  explicit ConnectionStats(Gauge& gauge) : connections(gauge) {}
  Gauge& connections;
  std::atomic<size_t> open{0};
};

/// A listener's figures, shared by its acceptors and connections on all cores.
struct ListenerStats : ConnectionStats {
  ListenerStats(MetricsRegistry& metrics, const ListenOptions& options)
      : ConnectionStats(metrics.gauge("sagitta_connections", "Open client connections.", {{"listener", options.name}})),
        refused(metrics.counter("sagitta_connections_refused_total", "Connections closed at the limit.",
                                {{"listener", options.name}})),
        connections_max(options.connections_max) {}
  Counter& refused;
  const size_t connections_max;
};

class TcpConnection;
class Attempt;

/// One core: its loop and the connections that live on it. All but `context` is touched on the
/// core's thread only.
struct Core {
  explicit Core(TurnStats& turns) : watch(turns) {}

  /// Wraps what the loop calls, so that the turn is measured.
  template <class Work>
  auto turn(Work work) {
    return [this, work = std::move(work)](auto&&... arguments) mutable {
      const TurnWatch::Turn measured(watch);
      work(std::forward<decltype(arguments)>(arguments)...);
    };
  }

  asio::io_context context{1};
  TurnWatch watch;
  /// What a connection reads into: its handler takes the bytes at once, so that a connection at
  /// rest has no buffer.
  Bytes incoming = Bytes(kReadBytes, '\0');
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::set<std::shared_ptr<TcpConnection>> connections;
  std::set<std::shared_ptr<Attempt>> attempts;
  std::vector<std::shared_ptr<tcp::acceptor>> acceptors;
  bool stopping = false;
  std::thread thread;
};

class TcpConnection final : public Connection {
 public:
  TcpConnection(Core& core, tcp::socket socket, std::shared_ptr<ConnectionStats> stats)
      : core_(core), socket_(std::move(socket)), stats_(std::move(stats)) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    const auto remote = socket_.remote_endpoint(ignored);
    peer_ = {remote.address().to_string(), remote.port()};
    stats_->connections.add(1);
  }

  void start(const HandlerFactory& make_handler) {
    core_.connections.insert(self());
    handler_ = make_handler(shared_from_this());
    read();
  }

  void send(Bytes bytes) override {
    SAGITTA_ASSERT(on_core());
    if (closed_ || bytes.empty()) return;
    unsent_bytes_ += bytes.size();
    if (!outgoing_.empty() && outgoing_.back().size() + bytes.size() <= kGatherBytes) {
      outgoing_.back() += bytes;
    } else {
      outgoing_.push_back(std::move(bytes));
    }
    write();
  }

  void finish() override {
    SAGITTA_ASSERT(on_core());
    finishing_ = true;
    if (!writing_) close();
  }

  size_t unsent_bytes() const override { return unsent_bytes_; }

  void pause_reading(bool paused) override {
    SAGITTA_ASSERT(on_core());
    paused_ = paused;
    if (!paused_ && !reading_) read();
  }

  void dispatch(std::function<void()> work) override {
    // Called on the core, it is a part of the turn that is under way.
    if (on_core()) return work();
    post(std::move(work));
  }

  void post(std::function<void()> work) override {
    asio::post(core_.context, core_.turn([self = shared_from_this(), work = std::move(work)] { work(); }));
  }

  const Endpoint& peer() const override { return peer_; }

  void stop() {
    if (!closed_) handler_->on_stop();
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    stats_->connections.add(-1);
    stats_->open.fetch_sub(1);
    // The handler may be on the call stack: let that unwind before it dies.
    asio::post(core_.context, core_.turn([self = self()] {
      self->handler_->on_closed();
      self->core_.connections.erase(self);
      self->handler_.reset();
      self->drop_unsent();
    }));
  }

 private:
  bool on_core() const { return core_.context.get_executor().running_in_this_thread(); }
  std::shared_ptr<TcpConnection> self() { return std::static_pointer_cast<TcpConnection>(shared_from_this()); }

  /// A few pieces in a turn: giving many pages back to the system takes long.
  void drop_unsent() {
    for (int i = 0; i < kDroppedInTurn && !outgoing_.empty(); ++i) outgoing_.pop_front();
    if (outgoing_.empty()) return;
    asio::post(core_.context, core_.turn([self = self()] { self->drop_unsent(); }));
  }

  void read() {
    if (closed_ || paused_ || ended_ || reading_) return;
    reading_ = true;
    socket_.async_wait(tcp::socket::wait_read, core_.turn([self = self()](error_code error) {
      if (error) return self->close();
      self->receive();
    }));
  }

  /// Takes what has come. What more there is waits for its turn behind the other connections.
  void receive() {
    error_code error;
    const size_t count = closed_ || paused_ ? 0 : socket_.read_some(asio::buffer(core_.incoming), error);
    if (count > 0) handler_->on_data(BytesView(core_.incoming).substr(0, count));
    reading_ = false;
    if (error == asio::error::eof) {
      ended_ = true;
      handler_->on_end();
    } else if (error && error != asio::error::would_block) {
      close();
    } else if (count == kReadBytes && !paused_) {
      reading_ = true;
      asio::post(core_.context, core_.turn([self = self()] { self->receive(); }));
    } else {
      read();
    }
  }

  void write() {
    if (writing_ || closed_) return;
    if (outgoing_.empty()) {
      if (finishing_) close();
      return;
    }
    writing_ = true;
    in_flight_ = std::move(outgoing_.front());
    outgoing_.pop_front();
    asio::async_write(socket_, asio::buffer(in_flight_),
                      core_.turn([self = self()](error_code error, size_t) { self->written(error); }));
  }

  void written(error_code error) {
    writing_ = false;
    SAGITTA_ASSERT(unsent_bytes_ >= in_flight_.size());
    unsent_bytes_ -= in_flight_.size();
    in_flight_ = Bytes();
    if (error) return close();
    if (outgoing_.empty() && !closed_) handler_->on_sent();
    write();
  }

  Core& core_;
  tcp::socket socket_;
  const std::shared_ptr<ConnectionStats> stats_;
  std::unique_ptr<ConnectionHandler> handler_;
  Endpoint peer_;
  std::deque<Bytes> outgoing_;
  Bytes in_flight_;
  size_t unsent_bytes_ = 0;
  bool reading_ = false, writing_ = false, paused_ = false, ended_ = false, finishing_ = false, closed_ = false;
};

/// A connection that is being made. Lives in its core's attempts until it ends.
class Attempt final : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(Core& core, const ConnectOptions& options, std::shared_ptr<ConnectionStats> stats,
          HandlerFactory make_handler, ConnectFailed failed)
      : core_(core),
        options_(options),
        stats_(std::move(stats)),
        make_handler_(std::move(make_handler)),
        failed_(std::move(failed)),
        socket_(core.context),
        timer_(core.context, std::chrono::milliseconds(options.timeout_ms)) {}

  void begin() {
    core_.attempts.insert(shared_from_this());
    error_code error;
    const auto address = asio::ip::make_address(options_.endpoint.address, error);
    if (error) return fail_with(ErrorCode::kIo, error.message());
    socket_.async_connect({address, options_.endpoint.port},
                          core_.turn([self = shared_from_this()](error_code refused) { self->connected(refused); }));
    timer_.async_wait(core_.turn([self = shared_from_this()](error_code cancelled) {
      if (cancelled) return;
      self->fail_with(ErrorCode::kIo, fmt::format("no answer within {} ms", self->options_.timeout_ms));
    }));
  }

  void stop() { fail_with(ErrorCode::kUnavailable, "this process is stopping"); }

 private:
  void connected(error_code error) {
    if (ended_) return;
    if (error) return fail_with(ErrorCode::kIo, error.message());
    end();
    std::make_shared<TcpConnection>(core_, std::move(socket_), stats_)->start(make_handler_);
  }

  void fail_with(ErrorCode code, const std::string& reason) {
    if (ended_) return;
    end();
    error_code ignored;
    socket_.close(ignored);
    failed_(Error(code, fmt::format("cannot connect to {}: {}", options_.endpoint.to_string(), reason)));
  }

  void end() {
    ended_ = true;
    timer_.cancel();
    core_.attempts.erase(shared_from_this());
  }

  Core& core_;
  const ConnectOptions options_;
  const std::shared_ptr<ConnectionStats> stats_;
  const HandlerFactory make_handler_;
  const ConnectFailed failed_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  bool ended_ = false;
};

/// A failed accept (no file descriptor is left) would fail again at once: wait for connections to
/// close.
constexpr auto kAcceptPause = std::chrono::milliseconds(50);

void accept_next(Core& core, const std::shared_ptr<tcp::acceptor>& acceptor,
                 const std::shared_ptr<ListenerStats>& stats, const HandlerFactory& make_handler) {
  acceptor->async_accept(core.turn([&core, acceptor, stats, make_handler](error_code error, tcp::socket socket) {
    if (core.stopping || error == asio::error::operation_aborted) return;
    if (error) {
      log_warn("accept failed", {{"error", error.message()}});
      const auto pause = std::make_shared<asio::steady_timer>(core.context, kAcceptPause);
      pause->async_wait([&core, pause, acceptor, stats, make_handler](error_code) {
        if (!core.stopping) accept_next(core, acceptor, stats, make_handler);
      });
      return;
    }
    if (stats->open.fetch_add(1) >= stats->connections_max) {
      stats->open.fetch_sub(1);
      stats->refused.add();
    } else {
      auto connection = std::make_shared<TcpConnection>(core, std::move(socket), stats);
      connection->start(make_handler);
    }
    accept_next(core, acceptor, stats, make_handler);
  }));
}

/// Cores share the port: the kernel spreads new connections over their acceptors.
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

Result<std::shared_ptr<tcp::acceptor>> bind(Core& core, const tcp::endpoint& endpoint) {
  auto acceptor = std::make_shared<tcp::acceptor>(core.context);
  error_code error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->set_option(reuse_port(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return fail(ErrorCode::kIo, fmt::format("cannot listen on {}:{}: {}", endpoint.address().to_string(),
                                            endpoint.port(), error.message()));
  }
  return acceptor;
}

/// SO_REUSEPORT would let a second server of the same user share our port silently: a plain bind
/// tells whether it is free.
Result<tcp::endpoint> probe(asio::io_context& context, const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(context);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (error) {
    return fail(ErrorCode::kIo, fmt::format("cannot listen on {}:{}: {}", endpoint.address().to_string(),
                                            endpoint.port(), error.message()));
  }
  return acceptor.local_endpoint(error);
}

class AsioRuntime final : public Runtime {
 public:
  AsioRuntime(int cores, MetricsRegistry& metrics) : metrics_(metrics), turns_(metrics) {
    for (int i = 0; i < cores; ++i) cores_.push_back(std::make_unique<Core>(turns_));
    for (auto& core : cores_) core->thread = std::thread([&context = core->context] { context.run(); });
  }

  ~AsioRuntime() override { stop(0); }

  Result<Endpoint> listen(const ListenOptions& options, HandlerFactory make_handler) override {
    error_code error;
    const auto address = asio::ip::make_address(options.endpoint.address, error);
    if (error) return fail(ErrorCode::kInvalid, fmt::format("'{}' is no IP address", options.endpoint.address));
    SAGITTA_TRY(const tcp::endpoint endpoint, probe(cores_[0]->context, {address, options.endpoint.port}));
    const auto stats = std::make_shared<ListenerStats>(metrics_, options);
    for (auto& core : cores_) {
      SAGITTA_TRY(auto acceptor, bind(*core, endpoint));
      asio::post(core->context, [&c = *core, acceptor, stats, make_handler] {
        c.acceptors.push_back(acceptor);
        accept_next(c, acceptor, stats, make_handler);
      });
    }
    return Endpoint{options.endpoint.address, endpoint.port()};
  }

  void connect(const ConnectOptions& options, HandlerFactory make_handler, ConnectFailed failed) override {
    Core& core = *cores_[next_core_.fetch_add(1) % cores_.size()];
    const auto stats = std::make_shared<ConnectionStats>(
        metrics_.gauge("sagitta_outgoing_connections", "Open connections to others.", {{"peer", options.name}}));
    const auto attempt = std::make_shared<Attempt>(core, options, stats, std::move(make_handler), std::move(failed));
    asio::post(core.context, core.turn([&core, attempt] {
      if (!core.stopping) attempt->begin();
    }));
  }

  void every_ms(int64_t period_ms, std::function<void()> work) override {
    auto timer = std::make_shared<asio::steady_timer>(cores_[0]->context);
    asio::post(cores_[0]->context, [this, timer, period_ms, work = std::move(work)] { arm(timer, period_ms, work); });
  }

  int64_t longest_turn_us() const override { return turns_.longest_us(); }

  void stop(int64_t grace_ms) override {
    if (std::exchange(stopped_, true)) return;
    on_every_core([](Core& core) {
      core.stopping = true;
      for (auto& acceptor : core.acceptors) {
        error_code ignored;
        acceptor->close(ignored);
      }
      for (auto& attempt : std::set(core.attempts)) attempt->stop();
      for (auto& connection : std::set(core.connections)) connection->stop();
    });
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(grace_ms);
    while (open_connections() > 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    on_every_core([](Core& core) {
      for (auto& connection : std::set(core.connections)) connection->close();
    });
    on_every_core([](Core&) {});  // lets the closings posted above run
    for (auto& core : cores_) {
      core->guard.reset();
      core->context.stop();
      core->thread.join();
    }
  }

 private:
  void arm(const std::shared_ptr<asio::steady_timer>& timer, int64_t period_ms, const std::function<void()>& work) {
    if (cores_[0]->stopping) return;
    timer->expires_after(std::chrono::milliseconds(period_ms));
    timer->async_wait(cores_[0]->turn([this, timer, period_ms, work](error_code error) {
      if (error || cores_[0]->stopping) return;
      work();
      arm(timer, period_ms, work);
    }));
  }

  void on_every_core(const std::function<void(Core&)>& work) {
    for (auto& core : cores_) {
      std::promise<void> done;
      asio::post(core->context, [&] {
        work(*core);
        done.set_value();
      });
      done.get_future().wait();
    }
  }

  size_t open_connections() {
    size_t count = 0;
    on_every_core([&](Core& core) { count += core.connections.size(); });
    return count;
  }

  MetricsRegistry& metrics_;
  TurnStats turns_;
  std::vector<std::unique_ptr<Core>> cores_;
  std::atomic<size_t> next_core_{0};
  bool stopped_ = false;
};

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  uint16_t port = 0;
  const auto digits = colon == text.npos ? std::string_view() : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  error_code bad_address;
  std::string address(text.substr(0, colon == text.npos ? 0 : colon));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  asio::ip::make_address(address, bad_address);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || bad_address) {
    return fail(ErrorCode::kInvalid, fmt::format("'{}' is no ADDRESS:PORT", text));
  }
  return Endpoint{std::move(address), port};
}

std::string Endpoint::to_string() const {
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

std::unique_ptr<Runtime> make_runtime(int cores, MetricsRegistry& metrics) {
  SAGITTA_ASSERT(cores > 0);
  return std::make_unique<AsioRuntime>(cores, metrics);
}

}  // namespace sagitta::async
