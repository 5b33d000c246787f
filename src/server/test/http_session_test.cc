/// The HTTP session on a connection without a socket.
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
    routes_.add("GET", "/page", [this](const HttpCall&, const HttpReply& reply) {
      ++pages_;
      reply(http::text_response(200, Bytes(kPageBytes, 'x')));
    });
    routes_.add("POST", "/later/{id}", [this](HttpCall call, HttpReply reply) {
      call_ = std::move(call);
      reply_ = std::move(reply);
    });
    handler_ = make_http_session(routes_, budget_, connection_);
  }

  MemoryBudget budget_{"sessions", kHttpSessionBytes + 2 * kPageBytes};
  const size_t kRequestsBytes = 1'000 * kGet.size();
  HttpRoutes routes_;
  HttpCall call_;
  HttpReply reply_;
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
  EXPECT_THAT(connection_->sent, StartsWith("HTTP/1.1 431 "));
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

TEST_F(HttpSessionTest, AnAnswerMayComeLaterAndTheNextRequestWaitsForIt) {
  handler_->on_data("POST /later/a%20b?x=1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" + Bytes(kGet));
  ASSERT_TRUE(reply_);
  EXPECT_EQ(call_.request.body, "body");
  EXPECT_EQ(call_.parameters.at("id"), "a b");
  EXPECT_EQ(call_.target.find("x"), "1");
  EXPECT_TRUE(connection_->sent.empty());
  EXPECT_TRUE(connection_->paused);
  EXPECT_EQ(pages_, 0U);
  reply_(http::text_response(202, "later\n"));
  EXPECT_THAT(connection_->take_sent(), StartsWith("HTTP/1.1 202 Accepted\r\n"));
  EXPECT_EQ(pages_, 0U);
  connection_->drain(*handler_);
  EXPECT_EQ(pages_, 1U);
  reply_(http::text_response(200, "twice\n"));
  EXPECT_THAT(connection_->take_sent(), testing::Not(HasSubstr("twice")));
}

TEST_F(HttpSessionTest, AReplyToAClientThatIsGoneDoesNothing) {
  handler_->on_data("POST /later/1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  handler_->on_closed();
  reply_(http::text_response(200, "late\n"));
  handler_.reset();
  reply_(http::text_response(200, "later\n"));
  EXPECT_TRUE(connection_->sent.empty());
  EXPECT_EQ(budget_.used_bytes(), 0U);
}

TEST_F(HttpSessionTest, AStopWaitsForTheAnswerThatIsOwed) {
  handler_->on_data("POST /later/1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + Bytes(kGet));
  handler_->on_stop();
  EXPECT_FALSE(connection_->finished);
  reply_(http::text_response(200, "last\n"));
  EXPECT_THAT(connection_->sent, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(connection_->finished);
  EXPECT_EQ(pages_, 0U);
}

TEST_F(HttpSessionTest, OtherPathsAre404AndOtherMethods405) {
  handler_->on_data("GET /nothing HTTP/1.1\r\n\r\n");
  EXPECT_THAT(connection_->take_sent(), StartsWith("HTTP/1.1 404 "));
  connection_->drain(*handler_);
  handler_->on_data("DELETE /page HTTP/1.1\r\n\r\n");
  EXPECT_THAT(connection_->sent, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(connection_->take_sent(), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  connection_->drain(*handler_);
  handler_->on_data("HEAD /page?x HTTP/1.1\r\n\r\n");
  EXPECT_THAT(connection_->sent, HasSubstr("Content-Length: 100000\r\n"));
  EXPECT_TRUE(connection_->sent.ends_with("\r\n\r\n"));
}

}  // namespace
}  // namespace sagitta::server::test
