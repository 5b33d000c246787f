#include "sagitta/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace sagitta::server::test {
namespace {

using testing::HasSubstr;

class NoHandler final : public async::ConnectionHandler {
 public:
  void on_data(BytesView) override {}
  void on_end() override {}
  void on_stop() override {}
  void on_closed() override {}
};

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
