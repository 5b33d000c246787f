/// CQL sessions without sockets: turns, back-pressure, memory, and what they answer.
#include "cql_session.h"

#include <gtest/gtest.h>

#include "harness.h"

namespace sagitta::server::test {
namespace {

constexpr uint8_t kError = 0, kStartup = 1, kReady = 2, kOptions = 5, kSupported = 6, kQuery = 7, kExecute = 10;
constexpr int32_t kOverloaded = 0x1001;
constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kReadBytes = 64 * 1024;

Bytes header(uint8_t opcode, int16_t stream, size_t length) {
  Bytes bytes("\x04\x00", 2);
  put_big<int16_t>(bytes, stream);
  put_big<uint8_t>(bytes, opcode);
  put_big<int32_t>(bytes, static_cast<int32_t>(length));
  return bytes;
}

Bytes query(int16_t stream) {
  Bytes body;
  put_big<int32_t>(body, 1);
  body += 'q';
  body += Bytes("\x00\x01\x00", 3);
  return header(kQuery, stream, body.size()) + body;
}

struct Got {
  int16_t stream;
  uint8_t opcode;
  Bytes body;
};

std::vector<Got> responses(Bytes bytes) {
  std::vector<Got> all;
  ByteReader in(bytes);
  while (in.left() > 0) {
    in.take(2);
    Got got{*in.big<int16_t>(), *in.big<uint8_t>(), {}};
    got.body = Bytes(*in.take(static_cast<size_t>(*in.big<int32_t>())));
    all.push_back(std::move(got));
  }
  return all;
}

class CqlSessionTest : public testing::Test {
 protected:
  struct Client {
    std::shared_ptr<FakeConnection> connection = std::make_shared<FakeConnection>();
    std::unique_ptr<async::ConnectionHandler> handler;

    std::vector<Got> say(BytesView bytes) {
      for (size_t at = 0; at < bytes.size(); at += kReadBytes) handler->on_data(bytes.substr(at, kReadBytes));
      return responses(connection->take_sent());
    }
    void vanish() {
      handler->on_closed();
      handler.reset();
    }
  };

  Client client() { return client(context_); }
  Client client(SessionContext& context) {
    Client client;
    client.handler = make_cql_session(context, client.connection);
    Bytes body(
        "\x00\x01\x00\x0b"
        "CQL_VERSION"
        "\x00\x05"
        "3.0.0",
        22);
    const auto got = client.say(header(kStartup, 0, body.size()) + body);
    EXPECT_EQ(got.size(), 1U);
    EXPECT_EQ(got.at(0).opcode, kReady);
    return client;
  }

  size_t charged() { return database_.budgets().frames.used_bytes(); }

  FakeDatabase database_{{.frames_bytes = 4 * kMiB}};
  ManualClock clock_{0};
  MetricsRegistry metrics_;
  InlineExecutor workers_;
  SessionContext context_{database_,
                          clock_,
                          10'000'000,
                          metrics_.counter("a_total", ""),
                          metrics_.counter("b_total", ""),
                          metrics_.gauge("c", ""),
                          metrics_.histogram("d_seconds", "", latency_bounds()),
                          workers_};
};

TEST_F(CqlSessionTest, BytesOfAHalfReceivedFrameAreChargedUntilTheConnectionCloses) {
  Client slow = client();
  EXPECT_TRUE(slow.say(header(kQuery, 1, 200 * kMiB) + Bytes(2 * kMiB, 'x')).empty());
  EXPECT_GE(charged(), 2 * kMiB);
  EXPECT_LT(charged(), 2 * kMiB + kReadBytes);
  slow.vanish();
  EXPECT_EQ(charged(), 0U);
}

TEST_F(CqlSessionTest, AFrameThatTheBudgetCannotHoldIsOverloadedAndSkippedAndOthersGoOn) {
  Client greedy = client(), steady = client();
  const auto got = greedy.say(header(kQuery, 7, 200 * kMiB) + Bytes(5 * kMiB, 'x'));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].stream, 7);
  EXPECT_EQ(got[0].opcode, kError);
  EXPECT_EQ(ByteReader(got[0].body).big<int32_t>(), kOverloaded);
  EXPECT_EQ(charged(), 0U);
  EXPECT_EQ(steady.say(query(3)).size(), 1U);
  EXPECT_TRUE(greedy.say(Bytes(195 * kMiB, 'x')).empty());
  EXPECT_EQ(charged(), 0U);
  const auto after = greedy.say(header(kOptions, 8, 0));
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].opcode, kSupported);
  EXPECT_FALSE(greedy.connection->finished);
}

TEST_F(CqlSessionTest, SixThousandConnectionsAtRestFitIntoTheBudgetOfTheDefaults) {
  FakeDatabase database;
  SessionContext context{database,           clock_,           10'000'000, context_.requests, context_.errors,
                         context_.in_flight, context_.seconds, workers_};
  std::vector<std::pair<std::shared_ptr<FakeConnection>, std::unique_ptr<async::ConnectionHandler>>> clients;
  for (int i = 0; i < 6'000; ++i) {
    const auto connection = std::make_shared<FakeConnection>();
    clients.emplace_back(connection, make_cql_session(context, connection));
    ASSERT_FALSE(connection->finished) << i;
  }
  const size_t at_rest = database.budgets().root.used_bytes();
  EXPECT_LE(at_rest, 6'000 * (size_t{32} << 10));
  for (auto& [connection, handler] : clients) {
    handler->on_data(header(kOptions, 1, 100'000) + Bytes(kReadBytes - 9, 'x'));
    EXPECT_GT(database.budgets().root.used_bytes(), at_rest);
    handler->on_data(Bytes(100'000 - (kReadBytes - 9), 'x'));
    ASSERT_EQ(database.budgets().root.used_bytes(), at_rest) << "grown when used, given back at rest";
  }
}

TEST_F(CqlSessionTest, AWholeFrameIsChargedOnceAndUntilItIsAnswered) {
  database_.holds = true;
  Client one = client();
  Bytes body;
  put_big<int32_t>(body, 3 * kMiB);
  body += Bytes(3 * kMiB, 'q') + Bytes("\x00\x01\x00", 3);
  EXPECT_TRUE(one.say(header(kQuery, 1, body.size()) + body).empty());
  EXPECT_EQ(database_.held.size(), 1U);
  EXPECT_EQ(charged(), body.size());
  database_.held.front()(db::Answer{db::Void{}, {}, {}});
  database_.held.clear();
  EXPECT_EQ(charged(), 0U);
}

TEST_F(CqlSessionTest, AClientThatDoesNotReadItsAnswersIsNotReadEither) {
  Client deaf = client();
  const Bytes burst = [] {
    Bytes bytes;
    for (int i = 0; i < 7'000; ++i) bytes += header(kOptions, 1, 0);
    return bytes;
  }();
  size_t bursts = 0;
  for (; bursts < 1'000 && !deaf.connection->paused; ++bursts) deaf.handler->on_data(burst);
  EXPECT_LT(deaf.connection->unsent_bytes(), kUnsentBytesMax + 1'000);
  deaf.connection->drain(*deaf.handler);
  EXPECT_FALSE(deaf.connection->paused);
  EXPECT_EQ(responses(deaf.connection->take_sent()).size(), bursts * 7'000);
}

TEST_F(CqlSessionTest, ColumnsThatChangedAreSentToAClientThatThinksItKnowsThem) {
  const auto flags = [&](bool changed) {
    auto metadata = std::make_shared<db::Metadata>();
    metadata->columns.push_back({"ks", "t", "k", types::DataType::native(types::Kind::kInt)});
    db::Rows rows{metadata};
    rows.columns_changed = changed;
    database_.executed = db::Answer{rows, {}, {}};
    const Bytes body = Bytes("\x00\x02id\x00\x01\x02", 7);  // the id, ONE, no metadata wanted
    Client one = client();
    const auto got = one.say(header(kExecute, 1, body.size()) + body);
    EXPECT_EQ(got.size(), 1U);
    return got.empty() ? 0 : get_big<uint32_t>(got[0].body.data() + 4);
  };
  constexpr uint32_t kNoMetadata = 4;
  EXPECT_EQ(flags(false) & kNoMetadata, kNoMetadata);
  EXPECT_EQ(flags(true) & kNoMetadata, 0U);
}

/// A burst of requests is taken in turns, so that other connections of the core get theirs in
/// between.
TEST_F(CqlSessionTest, ABurstIsTakenInTurnsOfBoundedLength) {
  constexpr size_t kRequests = 1'000;
  constexpr int64_t kRequestUs = 40;
  database_.on_query = [&] { clock_.advance_us(kRequestUs); };
  Client busy = client();
  Bytes burst;
  for (size_t i = 0; i < kRequests; ++i) burst += query(static_cast<int16_t>(i));
  busy.handler->on_data(burst);
  constexpr size_t kInTurn = (kTurnUs + kRequestUs - 1) / kRequestUs;
  EXPECT_EQ(database_.queries, kInTurn);
  EXPECT_TRUE(busy.connection->paused) << "no more is read until what came is taken";
  EXPECT_EQ(busy.connection->run_posted(), kRequests / kInTurn);
  EXPECT_EQ(responses(busy.connection->take_sent()).size(), kRequests);
  EXPECT_FALSE(busy.connection->paused);
}

/// What is opened, decoded, parsed or encoded is bounded on a core: the rest is work for others.
class LargeThingsTest : public CqlSessionTest {
 protected:
  static Bytes long_query(size_t text_bytes) {
    Bytes body;
    put_big<int32_t>(body, static_cast<int32_t>(text_bytes));
    body += Bytes(text_bytes, 'q') + Bytes("\x00\x01\x00", 3);
    return header(kQuery, 5, body.size()) + body;
  }

  HeldExecutor held_;
  SessionContext held_context_{database_,          clock_,           10'000'000, context_.requests, context_.errors,
                               context_.in_flight, context_.seconds, held_};
};

TEST_F(LargeThingsTest, ALargeRequestIsDecodedOnAWorker) {
  Client one = client(held_context_);
  EXPECT_TRUE(one.say(long_query(200'000)).empty());
  EXPECT_EQ(database_.queries, 0U);
  EXPECT_EQ(one.say(query(6)).size(), 1U) << "smaller ones go on meanwhile";
  EXPECT_EQ(held_.run_all(), 1U);
  EXPECT_EQ(database_.queries, 2U);
  const auto got = responses(one.connection->take_sent());
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].stream, 5);
  EXPECT_EQ(charged(), 0U);
}

TEST_F(LargeThingsTest, ALargeRequestOfAnyKindIsAnswered) {
  Client one = client(held_context_);
  for (const uint8_t opcode : {kOptions, uint8_t{9}, uint8_t{10}, uint8_t{11}, uint8_t{13}, uint8_t{99}}) {
    EXPECT_TRUE(one.say(header(opcode, 3, 100'000) + Bytes(100'000, '\0')).empty());
    EXPECT_EQ(held_.run_all(), 1U);
    EXPECT_EQ(responses(one.connection->take_sent()).size(), 1U) << int{opcode};
  }
  Client early;
  early.handler = make_cql_session(held_context_, early.connection);
  EXPECT_EQ(early.say(long_query(200'000)).size(), 1U) << "not before STARTUP";
  EXPECT_TRUE(held_.held.empty());
}

TEST_F(LargeThingsTest, ALongTextIsPreparedOnAWorker) {
  Client one = client(held_context_);
  for (const size_t bytes : {db::kCallerTextBytes, db::kCallerTextBytes + 1}) {
    Bytes body;
    put_big<int32_t>(body, static_cast<int32_t>(bytes));
    body += Bytes(bytes, 'q');
    const bool answered = one.say(header(9, 3, body.size()) + body).size() == 1;
    EXPECT_EQ(answered, bytes <= db::kCallerTextBytes);
  }
  EXPECT_EQ(held_.run_all(), 1U);
  EXPECT_EQ(responses(one.connection->take_sent()).size(), 1U);
}

TEST_F(LargeThingsTest, ALargeAnswerIsEncodedOnAWorkerAndSentInPieces) {
  const auto metadata = std::make_shared<db::Metadata>();
  Client one = client(held_context_);
  for (const size_t bytes : {kLargeAnswerBytes, kLargeAnswerBytes + 1, 10 * kAnswerPieceBytes}) {
    database_.answer = {db::Rows{metadata, 1, Bytes(bytes, 'c')}, {}, {}};
    const bool large = bytes > kLargeAnswerBytes;
    EXPECT_EQ(one.say(query(7)).empty(), large);
    EXPECT_EQ(held_.run_all(), large ? 1U : 0U);
    if (!large) continue;
    const auto got = responses(one.connection->take_sent());
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(BytesView(got[0].body).substr(got[0].body.size() - bytes), Bytes(bytes, 'c'));
  }
  EXPECT_EQ(one.connection->longest_send, kAnswerPieceBytes);
}

TEST_F(CqlSessionTest, WhatCameBeforeTheClientsEndIsAnsweredFirst) {
  database_.holds = true;
  Client one = client();
  Bytes bytes;
  const size_t count = kInFlightMax + 100;
  for (size_t i = 0; i < count; ++i) bytes += query(1);
  one.handler->on_data(bytes);
  EXPECT_TRUE(one.connection->paused);
  EXPECT_EQ(database_.queries, kInFlightMax);
  one.handler->on_end();
  EXPECT_FALSE(one.connection->finished);
  for (size_t i = 0; i < database_.held.size(); ++i)
    std::exchange(database_.held[i], {})(db::Answer{db::Void{}, {}, {}});
  EXPECT_EQ(responses(one.connection->take_sent()).size(), count);
  EXPECT_TRUE(one.connection->finished);
}

TEST_F(CqlSessionTest, TheDatabaseKnowsTheClient) {
  Client one = client();
  const db::ClientPtr known = database_.client;
  EXPECT_EQ(known->endpoint(), "127.0.0.1:1");
  EXPECT_EQ(known->facts().options.at("CQL_VERSION"), "3.0.0");
  EXPECT_EQ(known->facts().protocol_version, 4);
  EXPECT_EQ(known->requests(), 1U);
  EXPECT_EQ(known->facts().keyspace, "");
  database_.answer.body = db::SetKeyspace{"ks"};
  one.say(query(1));
  EXPECT_EQ(known->facts().keyspace, "ks");
  EXPECT_EQ(known->requests(), 2U);
  EXPECT_EQ(known.use_count(), 3) << "the database's, the session's and this test's";
}

TEST_F(CqlSessionTest, AClientThatSaidItsLastWordIsAnsweredForALittleLonger) {
  Client one = client();
  const db::ClientPtr known = database_.client;
  one.handler->on_end();
  EXPECT_FALSE(known->patience().passed(clock_));
  clock_.advance_us(kLeaveGraceUs - 1);
  EXPECT_FALSE(known->patience().passed(clock_));
  clock_.advance_us(1);
  EXPECT_TRUE(known->patience().passed(clock_));
}

TEST_F(CqlSessionTest, AClientThatIsGoneWaitsForNothing) {
  Client one = client();
  const db::ClientPtr known = database_.client;
  EXPECT_FALSE(known->patience().passed(clock_));
  one.vanish();
  EXPECT_TRUE(known->patience().passed(clock_));
}

}  // namespace
}  // namespace sagitta::server::test
