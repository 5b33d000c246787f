#include "http_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace sagitta::server::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kPageBytes = 100'000;
constexpr std::string_view kGet = "GET /page HTTP/1.1\r\n\r\n";

class HttpSessionTest : public testing::Test {
 protected:
  HttpSessionTest() {
    routes_["/page"] = [this] {
      ++pages_;
      return Page{.body = Bytes(kPageBytes, 'x')};
    };
    handler_ = make_http_session(routes_, budget_, connection_);
  }

  MemoryBudget budget_{"sessions", kHttpSessionBytes + 2 * kPageBytes};
  const size_t kRequestsBytes = 1'000 * kGet.size();
  Routes routes_;
  size_t pages_ = 0;
  std::shared_ptr<FakeConnection> connection_ = std::make_shared<FakeConnection>();
  std::unique_ptr<async::ConnectionHandler> handler_;
};

TEST_F(HttpSessionTest, AClientThatPipelinesAndNeverReadsGetsOneAnswerAndIsNotReadOn) {
  Bytes many;
  for (int i = 0; i < 1'000; ++i) many += kGet;
  handler_->on_data(many);
  EXPECT_EQ(pages_, 1U);
  EXPECT_TRUE(connection_->paused);
  EXPECT_EQ(budget_.used_bytes(), kHttpSessionBytes + kRequestsBytes + kPageBytes);
  for (int i = 1; i < 1'000; ++i) {
    EXPECT_TRUE(connection_->paused);
    connection_->drain(*handler_);
  }
  EXPECT_EQ(pages_, 1'000U);
  connection_->drain(*handler_);
  EXPECT_FALSE(connection_->paused);
  EXPECT_EQ(budget_.used_bytes(), kHttpSessionBytes);
  handler_.reset();
  EXPECT_EQ(budget_.used_bytes(), 0U);
}

TEST_F(HttpSessionTest, RequestsBeforeTheClientsEndAreAnsweredFirst) {
  handler_->on_data(Bytes(kGet) + Bytes(kGet));
  handler_->on_end();
  EXPECT_FALSE(connection_->finished);
  connection_->drain(*handler_);
  EXPECT_EQ(pages_, 2U);
  connection_->drain(*handler_);
  EXPECT_TRUE(connection_->finished);
}

TEST_F(HttpSessionTest, EndlessHeadersAreRefusedAndNotKept) {
  handler_->on_data("GET /page HTTP/1.1\r\nX: ");
  for (int i = 0; i < 100 && !connection_->finished; ++i) handler_->on_data(Bytes(1'000, 'x'));
  EXPECT_TRUE(connection_->finished);
  EXPECT_THAT(connection_->sent, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(connection_->sent, HasSubstr("header limit"));
}

TEST_F(HttpSessionTest, WithoutMemoryAPageIs503AndAConnectionIsClosed) {
  const auto rest = MemoryCharge::take(budget_, 2 * kPageBytes - 1'000);
  ASSERT_TRUE(rest);
  handler_->on_data(kGet);
  EXPECT_THAT(connection_->sent, StartsWith("HTTP/1.1 503 "));
  const auto late = std::make_shared<FakeConnection>();
  const auto refused = make_http_session(routes_, budget_, late);
  EXPECT_TRUE(late->finished);
}

}  // namespace
}  // namespace sagitta::server::test
