#include "sagitta/server/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

/// All that the server says to `request` until it closes.
Bytes ask(uint16_t port, BytesView request) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
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
  const auto runtime = async::make_runtime(1, metrics);
  const auto server =
      Server::start({.cql = {"127.0.0.1", 0}, .http = {"127.0.0.1", 0}}, *runtime, database, clock, metrics);
  ASSERT_TRUE(server);
  constexpr std::string_view kRequest = "GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n";
  const uint16_t port = (*server)->http().port;
  EXPECT_THAT(ask(port, kRequest), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\r\n\r\nready\n")));
  database.is_ready = false;
  database.facts["log"] = "takes no writes";
  EXPECT_THAT(ask(port, kRequest), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("not ready\nlog: takes no writes\n")));
  runtime->stop(0);
}

/// Whichever of the two ports is taken: the start fails with one line, and the other port is closed again.
TEST(Server, AStartThatFailsLeavesNoOpenPort) {
  for (const bool cql_is_taken : {true, false}) {
    MetricsRegistry metrics;
    const SystemClock clock;
    FakeDatabase database;
    const auto other = async::make_runtime(1, metrics);
    const auto no_handler = [](const async::ConnectionPtr&) { return std::make_unique<NoHandler>(); };
    const auto taken = other->listen({{"127.0.0.1", 0}, "taken"}, no_handler);
    const auto spare = async::make_runtime(1, metrics)->listen({{"127.0.0.1", 0}, "spare"}, no_handler);
    ASSERT_TRUE(taken && spare);
    const auto runtime = async::make_runtime(2, metrics);
    ServerOptions options{.cql = *taken, .http = *spare};
    if (!cql_is_taken) std::swap(options.cql, options.http);
    const auto started = Server::start(options, *runtime, database, clock, metrics);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(), HasSubstr("cannot listen on " + taken->to_string()));
    EXPECT_EQ(started.error().message().find('\n'), std::string::npos);
    EXPECT_TRUE(other->listen({*spare, "spare"}, no_handler));
  }
}

}  // namespace
}  // namespace sagitta::server::test
