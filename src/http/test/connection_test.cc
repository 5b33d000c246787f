/// Both ends of a connection, apart and joined, byte by byte.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagitta/base/random.h"
#include "sagitta/http/client_connection.h"
#include "sagitta/http/server_connection.h"

namespace sagitta::http::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Response text(std::string body) { return text_response(200, std::move(body), "text/plain"); }

TEST(ServerConnection, AnswersInOrderOneAtATime) {
  ServerConnection server;
  server.receive("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  auto first = server.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->head.target, "/a");
  EXPECT_TRUE(server.is_answering());
  EXPECT_FALSE(server.next());
  server.respond(text("A"));
  EXPECT_EQ(server.take_output(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nA");
  auto second = server.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->head.target, "/b");
  server.respond(text("B"));
  EXPECT_FALSE(server.next());
  EXPECT_FALSE(server.is_finished());
  EXPECT_EQ(server.held_bytes(), 0U);
}

TEST(ServerConnection, ClosesWhenEitherSideAsks) {
  ServerConnection by_client;
  by_client.receive("GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(by_client.next());
  by_client.respond(text("x"));
  EXPECT_THAT(by_client.take_output(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(by_client.is_finished());
  EXPECT_FALSE(by_client.next());

  ServerConnection by_server;
  by_server.receive("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(by_server.next());
  by_server.respond({{.fields = {{"Connection", "close"}}}, {}, {}});
  EXPECT_TRUE(by_server.is_finished());

  ServerConnection stopped;
  stopped.receive("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(stopped.next());
  stopped.stop();
  EXPECT_FALSE(stopped.is_finished());
  stopped.respond(text("x"));
  EXPECT_THAT(stopped.take_output(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(stopped.is_finished());
}

TEST(ServerConnection, AnswersWhatCameBeforeTheEnd) {
  ServerConnection server;
  server.receive("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c");
  server.receive_end();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(server.next());
    server.respond(text("x"));
  }
  EXPECT_FALSE(server.next());
  EXPECT_TRUE(server.is_finished());
}

TEST(ServerConnection, LeavesOutBodiesWhereHttpHasNone) {
  ServerConnection server;
  server.receive("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(server.next());
  server.respond(text("hello"));
  const Bytes head = server.take_output();
  EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  ASSERT_TRUE(server.next());
  server.respond({{.status = 204}, "never seen", {}});
  EXPECT_EQ(server.take_output(), "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(ServerConnection, SaysContinueOnlyToWhoWaits) {
  ServerConnection waits;
  waits.receive("PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(waits.next());
  EXPECT_EQ(waits.take_output(), "HTTP/1.1 100 Continue\r\n\r\n");
  waits.receive("ab");
  EXPECT_EQ(waits.next()->body, "ab");

  ServerConnection sends;
  sends.receive("PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\na");
  EXPECT_FALSE(sends.next());
  EXPECT_FALSE(sends.has_output());

  ServerConnection other;
  other.receive("PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: more\r\n\r\n");
  EXPECT_FALSE(other.next());
  EXPECT_THAT(other.take_output(), StartsWith("HTTP/1.1 417 "));
  EXPECT_TRUE(other.is_finished());

  ServerConnection too_large({.body_bytes_max = 1});
  too_large.receive("PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(too_large.next());
  EXPECT_THAT(too_large.take_output(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
}

TEST(ServerConnection, RefusesAndIsFinished) {
  ServerConnection server;
  server.receive("HEAD / HTTP/1.1\r\n\r\nnonsense\r\n");
  ASSERT_TRUE(server.next());
  server.respond(text("x"));
  server.take_output();
  EXPECT_FALSE(server.next());
  const Bytes refusal = server.take_output();
  EXPECT_THAT(refusal, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(refusal.ends_with("no request line\n"));
  EXPECT_TRUE(server.is_finished());
  server.receive("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(server.held_bytes(), 0U);
}

TEST(ServerConnection, StreamsInChunksByLengthAndUpToTheEnd) {
  ServerConnection server;
  server.receive("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(server.next());
  server.begin_response({});
  server.write("hello");
  server.write("");
  server.end_response({{"T", "1"}});
  EXPECT_EQ(
      server.take_output(),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n");
  ASSERT_TRUE(server.next());
  server.begin_response({.fields = {{"Content-Length", "3"}}});
  server.write("ab");
  server.write("c");
  server.end_response();
  EXPECT_TRUE(server.take_output().ends_with("\r\n\r\nabc"));
  ASSERT_TRUE(server.next());
  server.begin_response({});
  server.write("to the end");
  server.end_response();
  EXPECT_THAT(server.take_output(), HasSubstr("Connection: close\r\n\r\nto the end"));
  EXPECT_TRUE(server.is_finished());
}

TEST(ServerConnection, ACutResponseClosesWithoutItsEnd) {
  ServerConnection server;
  server.receive("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(server.next());
  server.begin_response({});
  server.write("half");
  server.abort_response();
  EXPECT_TRUE(server.take_output().ends_with("4\r\nhalf\r\n"));
  EXPECT_TRUE(server.is_finished());
}

TEST(ClientConnection, TakesResponsesInTheOrderOfItsRequests) {
  ClientConnection client("host:1");
  client.send({{.method = "HEAD", .target = "/a"}, {}, {}});
  client.send({{.method = "POST", .target = "/b"}, "xy", {}});
  EXPECT_EQ(client.take_output(),
            "HEAD /a HTTP/1.1\r\nHost: host:1\r\n\r\nPOST /b HTTP/1.1\r\nHost: host:1\r\nContent-Length: 2\r\n\r\nxy");
  client.receive(
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"
      "Content-Length: 1\r\n\r\nz");
  EXPECT_EQ((*client.next())->head.status, 200);
  const auto second = client.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->head.status, 201);
  EXPECT_EQ((*second)->body, "z");
  EXPECT_EQ(client.awaited_count(), 0U);
  EXPECT_TRUE(client.is_reusable());
}

TEST(ClientConnection, NamesWhatBreaksIt) {
  ClientConnection unasked("h");
  unasked.receive("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(unasked.next().error().message, "a response to no request");

  ClientConnection left("h");
  left.send({});
  left.receive_end();
  EXPECT_EQ(left.next().error().message, "the server closes without an answer");
  EXPECT_FALSE(left.is_reusable());

  ClientConnection early("h");
  early.send({});
  early.send({});
  early.receive("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(*early.next());
  EXPECT_EQ(early.next().error().message, "the server closes before all requests are answered");

  ClientConnection cut("h");
  cut.send({});
  cut.receive("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  cut.receive_end();
  EXPECT_EQ(cut.next().error().message, "the connection ended within a message");
}

TEST(ClientConnection, ABodyMayEndWithTheConnection) {
  ClientConnection client("h");
  client.send({});
  client.receive("HTTP/1.1 200 OK\r\n\r\nall");
  EXPECT_FALSE(*client.next());
  client.receive_end();
  EXPECT_EQ((*client.next())->body, "all");
  EXPECT_FALSE(client.is_reusable());
}

/// Random requests through both ends, in random pieces: what one side says the other hears.
TEST(Connections, AgreeByteByByte) {
  SeededRandom random(7);
  const auto below = [&](uint64_t n) { return random.next() % n; };
  const auto bytes = [&] {
    Bytes made(below(50), '\0');
    for (char& c : made) c = static_cast<char>(random.next());
    return made;
  };
  for (int round = 0; round < 300; ++round) {
    ClientConnection client("h");
    ServerConnection server;
    std::vector<Bytes> asked, answered;
    for (uint64_t i = 0; i < 1 + below(4); ++i) {
      asked.push_back(bytes());
      client.send({{.method = "POST", .target = fmt::format("/{}", i)}, asked.back(), {}});
    }
    const Bytes up = client.take_output();
    Bytes down;
    for (size_t at = 0; at < up.size();) {
      const size_t piece = 1 + below(20);
      server.receive(BytesView(up).substr(at, piece));
      at += piece;
      while (auto request = server.next()) {
        ASSERT_EQ(request->body, asked[answered.size()]);
        answered.push_back(bytes());
        if (below(2) == 0) {
          server.respond(text(answered.back()));
        } else {
          server.begin_response({});
          for (const char c : answered.back()) server.write(BytesView(&c, 1));
          server.end_response();
        }
      }
      down += server.take_output();
    }
    ASSERT_EQ(answered.size(), asked.size());
    size_t heard = 0;
    for (size_t at = 0; at < down.size();) {
      const size_t piece = 1 + below(20);
      client.receive(BytesView(down).substr(at, piece));
      at += piece;
      for (auto response = client.next(); response && *response; response = client.next()) {
        ASSERT_EQ((*response)->body, answered[heard++]);
      }
    }
    ASSERT_EQ(heard, answered.size());
  }
}

}  // namespace
}  // namespace sagitta::http::test
