/// The running server on real sockets: its ports, its pages, the memory of a connection.
#include "sagitta/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <array>

#include "harness.h"
#include "sockets.h"

namespace sagitta::server::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// Sends, and waits for the first bytes of the answer.
void converse(int socket, BytesView request) {
  EXPECT_EQ(::send(socket, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::array<char, 4096> answer{};
  EXPECT_GT(::recv(socket, answer.data(), answer.size(), 0), 0);
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
  const uint16_t port = (*server)->http().port;
  EXPECT_THAT(get_page(port, "/readyz"), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\r\n\r\nready\n")));
  database.is_ready = false;
  database.facts["log"] = "takes no writes";
  EXPECT_THAT(get_page(port, "/readyz"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("not ready\nlog: takes no writes\n")));
  runtime->stop(0);
}

/// Counted in the allocator: all that a connection holds once it has done some work, not what a
/// budget says of it.
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

/// Whichever of the two ports is taken: the start fails with one line, and the other port is closed
/// again.
TEST(Server, AStartThatFailsLeavesNoOpenPort) {
  for (const bool cql_is_taken : {true, false}) {
    MetricsRegistry metrics;
    const SystemClock clock;
    FakeDatabase database;
    InlineExecutor workers;
    const auto other = async::make_runtime(1, metrics);
    const auto no_handler = [](const async::ConnectionPtr&) { return std::make_unique<NoHandler>(); };
    const auto taken = other->listen({{"127.0.0.1", 0}, "taken"}, no_handler);
    const async::Endpoint spare = spare_endpoint();
    ASSERT_TRUE(taken);
    const auto runtime = async::make_runtime(2, metrics);
    ServerOptions options{.cql = *taken, .http = spare};
    if (!cql_is_taken) std::swap(options.cql, options.http);
    const auto started = Server::start(options, *runtime, database, workers, clock, metrics);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(), HasSubstr("cannot listen on " + taken->to_string()));
    EXPECT_EQ(started.error().message().find('\n'), std::string::npos);
    EXPECT_TRUE(other->listen({spare, "spare"}, no_handler));
  }
}

}  // namespace
}  // namespace sagitta::server::test
