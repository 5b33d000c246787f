/// The parser against whole messages, every cut of them into two pieces, and byte by byte.
#include "sagitta/http/parser.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sagitta::http::test {
namespace {

using testing::HasSubstr;

/// What a parser says of the pieces, as one line: heads, data joined, ends.
template <class Parser>
std::string events_of(Parser parser, const std::vector<BytesView>& pieces, bool ends = false) {
  std::string events;
  bool in_data = false;
  const auto note = [&](const Parsed<Event>& event) {
    if (!event) {
      events += fmt::format("<{}>", event.error().status);
      return false;
    }
    if (event->kind == EventKind::kData) events += (in_data ? "" : "=") + std::string(event->data);
    if (event->kind != EventKind::kNeedMore) in_data = event->kind == EventKind::kData;
    if (event->kind == EventKind::kHead) {
      events += "[";
      for (const Field& field : parser.head().fields) events += field.name + ":" + field.value + ";";
      events += "]";
    }
    if (event->kind == EventKind::kEnd) {
      for (const Field& field : parser.trailers()) events += "+" + field.name + ":" + field.value;
      events += parser.keep_alive() ? "." : "!";
    }
    return event->kind != EventKind::kNeedMore;
  };
  for (BytesView piece : pieces) {
    for (;;) {
      const auto event = parser.next(piece);
      const bool goes_on = note(event);
      if (!event) return events;
      if (!goes_on) break;
    }
    EXPECT_TRUE(piece.empty());
  }
  if (ends) note(parser.end());
  return events;
}

/// The events of `bytes`, which must be the same for every cut.
template <class Parser>
std::string parse(Parser parser, BytesView bytes, bool ends = false) {
  const std::string whole = events_of(parser, {bytes}, ends);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_EQ(events_of(parser, {bytes.substr(0, cut), bytes.substr(cut)}, ends), whole) << "cut at " << cut;
  }
  std::vector<BytesView> single;
  for (size_t at = 0; at < bytes.size(); ++at) single.push_back(bytes.substr(at, 1));
  EXPECT_EQ(events_of(parser, single, ends), whole) << "byte by byte";
  return whole;
}

std::string request(BytesView bytes, Limits limits = {}) { return parse(RequestParser(limits), bytes); }
std::string response(BytesView bytes, bool ends = false, Limits limits = {}) {
  return parse(ResponseParser(limits), bytes, ends);
}

TEST(RequestParser, ReadsHeadsAndBodies) {
  EXPECT_EQ(request("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"), "[Host:x;].");
  EXPECT_EQ(request("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), "[Content-Length:5;]=hello.");
  EXPECT_EQ(request("POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), "[Content-Length:0;].");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA:b\r\nC: \t d e \t\r\nE:\r\n\r\n"), "[A:b;C:d e;E:;].");
}

TEST(RequestParser, ReadsChunksAndTrailers) {
  EXPECT_EQ(request("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, chunked!\r\n0\r\nT: "
                    "1\r\n\r\n"),
            "[Transfer-Encoding:Chunked;]=hello, chunked!+T:1.");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "[Transfer-Encoding:chunked;].");
}

TEST(RequestParser, GoesOnWithTheNextRequest) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\n\r\nPUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab\r\nGET / HTTP/1.1\r\n\r\n"),
            "[].[Content-Length:2;]=ab.[].");
}

TEST(RequestParser, KnowsWhetherTheConnectionGoesOn) {
  EXPECT_EQ(request("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n"), "[Connection:x, Close;]!");
  EXPECT_EQ(request("GET / HTTP/1.0\r\n\r\n"), "[]!");
  EXPECT_EQ(request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "[Connection:Keep-Alive;].");
}

TEST(RequestParser, RefusesWhatIsNoRequest) {
  EXPECT_EQ(request("GET /\r\n"), "<400>");
  EXPECT_EQ(request("GET  HTTP/1.1\r\n"), "<400>");
  EXPECT_EQ(request("GET /a b HTTP/1.1\r\n"), "<400>");
  EXPECT_EQ(request("G(T / HTTP/1.1\r\n"), "<400>");
  EXPECT_EQ(request("GET / HTTP/1\r\n"), "<400>");
  EXPECT_EQ(request("GET / http/1.1\r\n"), "<400>");
  EXPECT_EQ(request("GET / HTTP/2.0\r\n"), "<505>");
  EXPECT_EQ(request("\x16\x03\x01"), "<400>");
}

TEST(RequestParser, RefusesWhatOthersReadOtherwise) {
  EXPECT_EQ(request("GET / HTTP/1.1\nHost: x\n\n"), "<400>");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n"), "<400>");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA : b\r\n\r\n"), "<400>");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"), "<400>");
  EXPECT_EQ(request("GET / HTTP/1.1\r\n: b\r\n\r\n"), "<400>");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), "<400>");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), "<400>");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), "<400>");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), "<400>");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n"), "<400>");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"), "<400>");
  EXPECT_EQ(request("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), "<501>");
  EXPECT_EQ(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), "<400>");
  const BytesView chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string head = "[Transfer-Encoding:chunked;]";
  EXPECT_EQ(request(Bytes(chunked) + "x\r\n"), head + "<400>");
  EXPECT_EQ(request(Bytes(chunked) + "-1\r\n"), head + "<400>");
  EXPECT_EQ(request(Bytes(chunked) + "1\r\nab\r\n"), head + "=a<400>");
  EXPECT_EQ(request(Bytes(chunked) + "fffffffffffffffff\r\n"), head + "<400>");
  EXPECT_EQ(request(Bytes(chunked) + "1\na"), head + "<400>");
}

TEST(RequestParser, HoldsToItsLimits) {
  const Limits limits{.head_bytes_max = 40, .fields_max = 2, .body_bytes_max = 4};
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA: 5678901234567890\r\n\r\n", limits), "[A:5678901234567890;].");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA: 567890123456789012345\r\n\r\n", limits), "<431>");
  EXPECT_EQ(request("GET /" + Bytes(40, 'x'), limits), "<431>");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA:1\r\nB:2\r\n\r\n", limits), "[A:1;B:2;].");
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA:1\r\nB:2\r\nC:3\r\n\r\n", limits), "<431>");
  EXPECT_EQ(request("P / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd", limits), "[Content-Length:4;]=abcd.");
  EXPECT_EQ(request("P / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", limits), "<413>");
  const Limits body{.body_bytes_max = 4};
  const Bytes chunked = "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(request(chunked + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", body), "[Transfer-Encoding:chunked;]=abcd.");
  EXPECT_EQ(request(chunked + "2\r\nab\r\n3\r\ncde\r\n", body), "[Transfer-Encoding:chunked;]=ab<413>");
  EXPECT_EQ(request(chunked + "1;" + Bytes(2'000, 'x')), "[Transfer-Encoding:chunked;]<400>");
}

TEST(RequestParser, AnEndWithinAMessageIsAnError) {
  EXPECT_EQ(parse(RequestParser(), "GET / HTTP/1.1\r\n\r\n", true), "[].");
  EXPECT_EQ(parse(RequestParser(), "GET / HTTP/1.1\r\n", true), "<400>");
  EXPECT_EQ(parse(RequestParser(), "P / HTTP/1.1\r\nContent-Length: 2\r\n\r\na", true), "[Content-Length:2;]=a<400>");
}

TEST(ResponseParser, FramesBodiesByLengthChunksAndEnd) {
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"), "[Content-Length:2;]=ab.");
  EXPECT_EQ(response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), "[Content-Length:0;].");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
            "[Transfer-Encoding:chunked;]=a.");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\n\r\nall that comes", true), "[]=all that comes!");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\n\r\n", true), "[]!");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", true), "[Content-Length:3;]=ab<400>");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\n\r\n12345", true, {.body_bytes_max = 4}), "[]=1234<413>");
}

TEST(ResponseParser, SomeResponsesHaveNoBody) {
  EXPECT_EQ(response("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n"),
            "[].[Content-Length:9;].");
  ResponseParser to_head;
  to_head.expect("HEAD");
  EXPECT_EQ(parse(to_head, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), "[Content-Length:9;].");
}

TEST(ResponseParser, RefusesWhatIsNoResponse) {
  EXPECT_EQ(response("HTTP/1.1 20 OK\r\n"), "<400>");
  EXPECT_EQ(response("HTTP/1.1 2000\r\n"), "<400>");
  EXPECT_EQ(response("HTTP/1.1\r\n"), "<400>");
  EXPECT_EQ(response("HTTP/1.1 099 x\r\n"), "<400>");
  EXPECT_EQ(response("ICY 200 OK\r\n"), "<400>");
}

TEST(RequestParser, AnErrorStays) {
  RequestParser parser;
  BytesView bad = "no\r\n", good = "GET / HTTP/1.1\r\n\r\n";
  EXPECT_FALSE(parser.next(bad));
  const auto again = parser.next(good);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("request line"));
}

TEST(RequestParser, BodiesAreViewsIntoTheInput) {
  RequestParser parser;
  const Bytes bytes = "P / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
  BytesView input = bytes;
  ASSERT_EQ(parser.next(input)->kind, EventKind::kHead);
  EXPECT_EQ(parser.content_length(), 3U);
  EXPECT_TRUE(parser.has_body());
  const auto data = parser.next(input);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->data.data(), bytes.data() + bytes.size() - 3);
}

}  // namespace
}  // namespace sagitta::http::test
