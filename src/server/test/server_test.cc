#include "sagitta/server/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "harness.h"

namespace sagitta::server::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class NoHandler final : public async::ConnectionHandler {
 public:
  void on_data(BytesView) override {}
  void on_end() override {}
  void on_stop() override {}
  void on_closed() override {}
};

int connect_to(uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return socket;
}

/// Sends, and waits for the first bytes of the answer.
void converse(int socket, BytesView request) {
  EXPECT_EQ(::send(socket, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::array<char, 4096> answer{};
  EXPECT_GT(::recv(socket, answer.data(), answer.size(), 0), 0);
}

/// All that the server says to `request` until it closes.
Bytes ask(uint16_t port, BytesView request) {
  const int socket = connect_to(port);
  EXPECT_EQ(::send(socket, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  Bytes all(4096, '\0');
  const ssize_t got = ::recv(socket, all.data(), all.size(), MSG_WAITALL);
  all.resize(got > 0 ? static_cast<size_t>(got) : 0);
  ::close(socket);
  return all;
}

TEST(Server, SaysWhetherItIsReadyAndWhyNot) {
  MetricsRegistry metrics;
  const SystemClock clock;
  FakeDatabase database;
  InlineExecutor workers;
  const auto runtime = async::make_runtime(1, metrics);
  const auto server =
      Server::start({.cql = {"127.0.0.1", 0}, .http = {"127.0.0.1", 0}}, *runtime, database, workers, clock, metrics);
  ASSERT_TRUE(server);
  constexpr std::string_view kRequest = "GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n";
  const uint16_t port = (*server)->http().port;
  EXPECT_THAT(ask(port, kRequest), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\r\n\r\nready\n")));
  database.is_ready = false;
  database.facts["log"] = "takes no writes";
  EXPECT_THAT(ask(port, kRequest), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("not ready\nlog: takes no writes\n")));
  runtime->stop(0);
}

/// Counted in the allocator: all that a connection holds once it has done some work, not what a budget says of it.
TEST(Server, AConnectionAtRestHoldsLittleMemory) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's allocator does not say what is in use";
#endif
  constexpr size_t kClients = 200;
  MetricsRegistry metrics;
  const SystemClock clock;
  FakeDatabase database;
  InlineExecutor workers;
  const auto runtime = async::make_runtime(1, metrics);
  const auto server =
      Server::start({.cql = {"127.0.0.1", 0}, .http = {"127.0.0.1", 0}}, *runtime, database, workers, clock, metrics);
  ASSERT_TRUE(server);
  Bytes startup(
      "\x04\x00\x00\x01\x01\x00\x00\x00\x16\x00\x01\x00\x0b"
      "CQL_VERSION"
      "\x00\x05"
      "3.0.0",
      31);
  Bytes big("\x04\x00\x00\x02\x05\x00\x01\x00\x00", 9);
  big += Bytes(0x10000, 'x');
  for (const uint16_t port : {(*server)->cql().port, (*server)->http().port}) {
    const bool cql = port == (*server)->cql().port;
    std::vector<int> sockets;
    size_t before = 0;
    for (size_t i = 0; i < kClients + 1; ++i) {
      // The first pays for what all share.
      if (i == 1) before = mallinfo2().uordblks + mallinfo2().hblkhd;
      sockets.push_back(connect_to(port));
      converse(sockets.back(), cql ? startup : Bytes("GET /healthz HTTP/1.1\r\n\r\n"));
      if (cql) converse(sockets.back(), big);
    }
    const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    EXPECT_LE((after - before) / kClients, size_t{32} << 10) << (cql ? "cql" : "http");
    for (const int socket : sockets) ::close(socket);
  }
  runtime->stop(0);
}

/// Whichever of the two ports is taken: the start fails with one line, and the other port is closed again.
TEST(Server, AStartThatFailsLeavesNoOpenPort) {
  for (const bool cql_is_taken : {true, false}) {
    MetricsRegistry metrics;
    const SystemClock clock;
    FakeDatabase database;
    InlineExecutor workers;
    const auto other = async::make_runtime(1, metrics);
    const auto no_handler = [](const async::ConnectionPtr&) { return std::make_unique<NoHandler>(); };
    const auto taken = other->listen({{"127.0.0.1", 0}, "taken"}, no_handler);
    const auto spare = async::make_runtime(1, metrics)->listen({{"127.0.0.1", 0}, "spare"}, no_handler);
    ASSERT_TRUE(taken && spare);
    const auto runtime = async::make_runtime(2, metrics);
    ServerOptions options{.cql = *taken, .http = *spare};
    if (!cql_is_taken) std::swap(options.cql, options.http);
    const auto started = Server::start(options, *runtime, database, workers, clock, metrics);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(), HasSubstr("cannot listen on " + taken->to_string()));
    EXPECT_EQ(started.error().message().find('\n'), std::string::npos);
    EXPECT_TRUE(other->listen({*spare, "spare"}, no_handler));
  }
}

}  // namespace
}  // namespace sagitta::server::test
