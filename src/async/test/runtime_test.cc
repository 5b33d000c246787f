#include "sagitta/async/runtime.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <ctime>
#include <future>
#include <thread>

#include "sagitta/async/worker_pool.h"

namespace sagitta::async {
namespace {

/// Sends back what it gets.
class Echo final : public ConnectionHandler {
 public:
  explicit Echo(ConnectionPtr connection) : connection_(std::move(connection)) {}
  void on_data(BytesView bytes) override {
    connection_->send(Bytes(bytes));
    connection_->pause_reading(false);  // as a session does that is not overloaded
  }
  void on_end() override { connection_->finish(); }
  void on_stop() override { connection_->finish(); }
  void on_closed() override { connection_.reset(); }

 private:
  ConnectionPtr connection_;
};

class Client {
 public:
  explicit Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(socket_); }
  bool connected() const { return connected_; }
  void write(BytesView bytes) {
    ASSERT_EQ(::send(socket_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  void end() { ::shutdown(socket_, SHUT_WR); }
  Bytes read(size_t count) {
    Bytes bytes(count, '\0');
    const ssize_t got = ::recv(socket_, bytes.data(), count, MSG_WAITALL);
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
  }

 private:
  int socket_;
  bool connected_;
};

HandlerFactory echo() {
  return [](const ConnectionPtr& connection) { return std::make_unique<Echo>(connection); };
}

TEST(Endpoint, ParsesAddressAndPort) {
  EXPECT_EQ(Endpoint::parse("127.0.0.1:9042")->port, 9042);
  EXPECT_EQ(Endpoint::parse("[::1]:9042")->to_string(), "[::1]:9042");
  for (const char* bad : {"", "9042", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x", "host:1"}) {
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
  }
}

TEST(Runtime, EchoesAndAnswersAHalfCloseAndStopsWithLiveConnections) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(2, metrics);
  const auto bound = runtime->listen({{"127.0.0.1", 0}, "test"}, echo());
  ASSERT_TRUE(bound) << bound.error().to_string();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 32; ++i) clients.push_back(std::make_unique<Client>(bound->port));
  for (auto& client : clients) {
    client->write("hello");
    EXPECT_EQ(client->read(5), "hello");
  }
  clients[0]->end();
  EXPECT_EQ(clients[0]->read(1), "");
  runtime->stop(1000);
  EXPECT_EQ(clients[1]->read(1), "");
}

TEST(Runtime, BytesKeepTheirOrderOverManyReads) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(1, metrics);
  const auto bound = runtime->listen({{"127.0.0.1", 0}, "test"}, echo());
  Client client(bound->port);
  Bytes sent;
  for (uint32_t i = 0; i < 500'000; ++i) put_big(sent, i);
  std::thread writer([&] { client.write(sent); });
  const Bytes received = client.read(sent.size());
  writer.join();
  EXPECT_TRUE(received == sent);
}

TEST(Runtime, KnowsTheCpuTimeOfItsLongestTurn) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(1, metrics);
  std::atomic<int> turns{0};
  runtime->every_ms(1, [&] { ++turns; });
  while (turns < 20) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_LT(runtime->longest_turn_us(), kTurnCpuMaxUs) << "turns that do nothing, one after another";
  std::promise<void> burnt;
  runtime->every_ms(1, [&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    const std::clock_t begin = std::clock();
    while (std::clock() - begin < CLOCKS_PER_SEC / 20) {
    }
    burnt.set_value();
  });
  burnt.get_future().wait();
  runtime->stop(0);
  EXPECT_GE(runtime->longest_turn_us(), kTurnCpuMaxUs);
  EXPECT_GE(metrics.counter("sagitta_turns_long_total", "").value(), 1);
}

TEST(Runtime, APortInUseIsRefusedByName) {
  MetricsRegistry metrics;
  auto first = make_runtime(1, metrics), second = make_runtime(1, metrics);
  const auto bound = first->listen({{"127.0.0.1", 0}, "test"}, echo());
  const auto again = second->listen({*bound, "test"}, echo());
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message().find(bound->to_string()), std::string::npos) << again.error().message();
}

TEST(Runtime, ConnectionsAboveTheLimitAreClosed) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(1, metrics);
  const auto bound = runtime->listen({{"127.0.0.1", 0}, "test", 1}, echo());
  Client first(bound->port);
  first.write("a");
  EXPECT_EQ(first.read(1), "a");
  Client second(bound->port);
  EXPECT_EQ(second.read(1), "");
}

TEST(Runtime, WithoutFileDescriptorsItWaitsForSome) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer asks through a pipe whether memory can be read, and takes no pipe for a broken object";
#endif
  MetricsRegistry metrics;
  auto runtime = make_runtime(1, metrics);
  const auto bound = runtime->listen({{"127.0.0.1", 0}, "test"}, echo());
  const int next = ::dup(0);
  ::close(next);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit one_more{static_cast<rlim_t>(next) + 1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &one_more), 0);
  Client client(bound->port);
  const std::clock_t begin = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC / 20);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  client.write("hello");
  EXPECT_EQ(client.read(5), "hello");
}

/// Sends "hello" and keeps the first answer.
class Caller final : public ConnectionHandler {
 public:
  Caller(ConnectionPtr connection, std::promise<Bytes>& answer) : connection_(std::move(connection)), answer_(answer) {
    connection_->send("hello");
  }
  void on_data(BytesView bytes) override {
    got_ += bytes;
    if (got_.size() < 5) return;
    answer_.set_value(got_);
    connection_->finish();
  }
  void on_end() override { connection_->finish(); }
  void on_stop() override { connection_->finish(); }
  void on_closed() override { connection_.reset(); }

 private:
  ConnectionPtr connection_;
  std::promise<Bytes>& answer_;
  Bytes got_;
};

HandlerFactory caller(std::promise<Bytes>& answer) {
  return [&answer](const ConnectionPtr& connection) { return std::make_unique<Caller>(connection, answer); };
}

HandlerFactory never() {
  return [](const ConnectionPtr& connection) {
    ADD_FAILURE() << "connected to " << connection->peer().to_string();
    return std::make_unique<Echo>(connection);
  };
}

/// A listener whose queue of connections is full, so that it answers no more.
class FullListener {
 public:
  FullListener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_, 0), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    for (int i = 0; i < 4; ++i) {
      waiting_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      (void)::connect(waiting_.back(), reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  ~FullListener() {
    for (const int socket : waiting_) ::close(socket);
    ::close(socket_);
  }
  Endpoint endpoint() const { return {"127.0.0.1", port_}; }

 private:
  int socket_;
  uint16_t port_ = 0;
  std::vector<int> waiting_;
};

TEST(Connect, TheHandlerGetsAConnectionThatWorks) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(2, metrics);
  const auto bound = runtime->listen({{"127.0.0.1", 0}, "test"}, echo());
  std::array<std::promise<Bytes>, 8> answers;  // more than there are cores
  for (auto& answer : answers) {
    runtime->connect({*bound, "test"}, caller(answer), [](const Error& error) { ADD_FAILURE() << error.to_string(); });
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get_future().get(), "hello");
  runtime->stop(1000);
}

Error error_of_connecting(Runtime& runtime, const ConnectOptions& options) {
  std::promise<Error> failed;
  runtime.connect(options, never(), [&](const Error& error) { failed.set_value(error); });
  return failed.get_future().get();
}

TEST(Connect, ARefusalNamesTheEndpoint) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(1, metrics);
  const uint16_t port = runtime->listen({{"127.0.0.1", 0}, "test"}, echo())->port;
  runtime->stop(0);
  auto other = make_runtime(1, metrics);
  for (const Endpoint& endpoint : {Endpoint{"127.0.0.1", port}, Endpoint{"no address", 1}}) {
    const Error error = error_of_connecting(*other, {endpoint, "test"});
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_NE(error.message().find("cannot connect to " + endpoint.to_string()), std::string::npos) << error.message();
  }
}

TEST(Connect, HasADeadline) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(1, metrics);
  const FullListener full;
  const Error error = error_of_connecting(*runtime, {full.endpoint(), "test", 50});
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_EQ(error.message(), "cannot connect to " + full.endpoint().to_string() + ": no answer within 50 ms");
}

TEST(Connect, AnAttemptEndsWhenTheRuntimeStops) {
  MetricsRegistry metrics;
  auto runtime = make_runtime(1, metrics);
  const FullListener full;
  std::promise<ErrorCode> failed;
  runtime->connect({full.endpoint(), "test", 60'000}, never(),
                   [&](const Error& error) { failed.set_value(error.code()); });
  runtime->stop(0);
  EXPECT_EQ(failed.get_future().get(), ErrorCode::kUnavailable);
}

TEST(WorkerPool, OneWorkerIsNotKeptFromShortWorkByLongWork) {
  MetricsRegistry metrics;
  std::promise<void> let_go, done;
  WorkerPool pool(1, metrics);  // last: it ends its work before what that works on goes
  pool.post_long([&] { let_go.get_future().wait(); });
  pool.post([&] { done.set_value(); });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  let_go.set_value();
}

/// One thread, and work without an end in sight: what is short does not wait for it, and what comes
/// later has its turns.
TEST(WorkerPool, WorkInSlicesTakesTurnsAndKeepsNothingShortWaiting) {
  MetricsRegistry metrics;
  std::atomic<bool> stop{false};
  std::promise<void> short_done, late_done;
  WorkerPool pool(1, metrics);
  for (size_t i = 0; i < 2 * kSlicedWorkMax; ++i) pool.post_slices([&] { return stop.load(); });
  pool.post([&] { short_done.set_value(); });
  EXPECT_EQ(short_done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  stop = true;
  pool.post_slices([&, slices = 0]() mutable {
    if (++slices < 3) return false;
    late_done.set_value();
    return true;
  });
  EXPECT_EQ(late_done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST(WorkerPool, SlicesOfAllThatHasBegunAlternate) {
  MetricsRegistry metrics;
  std::promise<void> both_posted, done;
  std::string order;
  WorkerPool pool(1, metrics);
  pool.post_slices([&, posted = both_posted.get_future().share()] {
    posted.wait();
    return true;
  });
  for (const char name : {'a', 'b'}) {
    pool.post_slices([&, name, slices = 0]() mutable {
      order += name;
      return ++slices == 3;
    });
  }
  pool.post_slices([&] {
    if (order.size() < 6) return false;
    done.set_value();
    return true;
  });
  both_posted.set_value();
  done.get_future().wait();
  EXPECT_EQ(order, "ababab");
}

TEST(WorkerPool, WorkInSlicesIsDoneBeforeThePoolStops) {
  MetricsRegistry metrics;
  std::atomic<int> slices{0};
  WorkerPool pool(2, metrics);
  for (int i = 0; i < 100; ++i) {
    pool.post_slices([&, left = 10]() mutable {
      ++slices;
      return --left == 0;
    });
  }
  pool.stop();
  EXPECT_EQ(slices, 1000);
}

TEST(WorkerPool, RunsAllWorkBeforeItStops) {
  MetricsRegistry metrics;
  std::atomic<int> count{0};
  WorkerPool pool(2, metrics);
  for (int i = 0; i < 1000; ++i) pool.post([&] { ++count; });
  pool.stop();
  EXPECT_EQ(count, 1000);
}

}  // namespace
}  // namespace sagitta::async
