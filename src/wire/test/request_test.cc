#include "sagitta/wire/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire_testing.h"

namespace sagitta::wire::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

template <class T>
T decoded(const Frame& frame) {
  auto request = decode_request(frame);
  EXPECT_TRUE(request.has_value()) << (request ? "" : request.error().to_string());
  return std::get<T>(request->message);
}

std::string refusal(const Frame& frame) {
  auto request = decode_request(frame);
  EXPECT_FALSE(request.has_value());
  if (request) return {};
  EXPECT_EQ(request.error().code(), ErrorCode::kProtocol);
  return request.error().message();
}

const Bytes kSelect = long_text("SELECT 1");

// consistency QUORUM; values 'ab', null, unset; page size 10; paging state; SERIAL; timestamp;
// keyspace; now
Bytes full_v5_parameters() {
  return hex("0004 000001bf") + hex("0003 00000002 6162 ffffffff fffffffe") + hex("0000000a") + hex("00000003 010203") +
         hex("0009") + hex("0000000000000005") + text("ks") + hex("00000007");
}

/// One frame of every kind and layout: what the truncation test cuts.
const std::vector<Frame>& samples() {
  static const std::vector<Frame> kSamples = {
      frame_of(Opcode::kStartup, hex("0002") + text("CQL_VERSION") + text("3.4.7") + text("COMPRESSION") + text("lz4"),
               4),
      frame_of(Opcode::kQuery, kSelect + hex("0001 00"), 4),
      frame_of(Opcode::kQuery, kSelect + full_v5_parameters(), 5),
      frame_of(Opcode::kQuery, kSelect + hex("0001 41 0001") + text("name") + hex("00000001 ff"), 4),
      frame_of(Opcode::kPrepare, kSelect, 4),
      frame_of(Opcode::kPrepare, kSelect + hex("00000001") + text("ks"), 5),
      frame_of(Opcode::kExecute, text("id") + hex("0001 00"), 4),
      frame_of(Opcode::kExecute, text("id") + text("meta") + full_v5_parameters(), 5),
      frame_of(Opcode::kBatch,
               hex("01 0002 00") + kSelect + hex("0000 01") + text("id") + hex("0001 00000001 61 0006 20") +
                   hex("0000000000000009"),
               4),
      frame_of(Opcode::kBatch, hex("00 0001 00") + kSelect + hex("0000 0006 00000080") + text("ks"), 5),
      frame_of(Opcode::kRegister, hex("0002") + text("SCHEMA_CHANGE") + text("STATUS_CHANGE"), 5),
      frame_of(Opcode::kAuthResponse, long_text(std::string("\0user\0pass", 10)), 5),
      frame_of(Opcode::kQuery, hex("0001") + text("key") + long_text("value") + kSelect + hex("0001 00"), 4,
               frame_flags::kCustomPayload),
  };
  return kSamples;
}

TEST(Request, Startup) {
  auto startup = decoded<Startup>(samples()[0]);
  EXPECT_EQ(startup.find("COMPRESSION"), "lz4");
  EXPECT_EQ(startup.find("NO_COMPACT"), std::nullopt);
}

TEST(Request, QueryWithEveryParameter) {
  auto query = decoded<Query>(samples()[2]);
  const QueryParameters& p = query.parameters;
  EXPECT_EQ(query.text, "SELECT 1");
  EXPECT_EQ(p.consistency, Consistency::kQuorum);
  ASSERT_EQ(p.values.size(), 3U);
  EXPECT_EQ(p.values[0].bytes, "ab");
  EXPECT_TRUE(p.values[1].is_null());
  EXPECT_TRUE(p.values[2].is_unset());
  EXPECT_TRUE(p.names.empty());
  EXPECT_TRUE(p.skip_metadata);
  EXPECT_EQ(p.page_size, 10);
  EXPECT_EQ(p.paging_state, hex("010203"));
  EXPECT_EQ(p.serial_consistency, Consistency::kLocalSerial);
  EXPECT_EQ(p.timestamp, 5);
  EXPECT_EQ(p.keyspace, "ks");
  EXPECT_EQ(p.now_in_seconds, 7);
}

TEST(Request, QueryWithoutParametersAndWithNames) {
  auto plain = decoded<Query>(samples()[1]).parameters;
  EXPECT_EQ(plain.consistency, Consistency::kOne);
  EXPECT_FALSE(plain.page_size || plain.paging_state || plain.timestamp || plain.keyspace || plain.skip_metadata);
  auto named = decoded<Query>(samples()[3]).parameters;
  EXPECT_THAT(named.names, ElementsAre("name"));
  EXPECT_EQ(named.values.at(0).bytes, "\xff");
}

TEST(Request, PrepareAndExecute) {
  EXPECT_EQ(decoded<Prepare>(samples()[4]).keyspace, std::nullopt);
  EXPECT_EQ(decoded<Prepare>(samples()[5]).keyspace, "ks");
  EXPECT_EQ(decoded<Execute>(samples()[6]).id, "id");
  EXPECT_EQ(decoded<Execute>(samples()[6]).result_metadata_id, "");
  EXPECT_EQ(decoded<Execute>(samples()[7]).result_metadata_id, "meta");
}

TEST(Request, Batch) {
  auto batch = decoded<Batch>(samples()[8]);
  EXPECT_EQ(batch.kind, BatchKind::kUnlogged);
  ASSERT_EQ(batch.statements.size(), 2U);
  EXPECT_FALSE(batch.statements[0].prepared);
  EXPECT_EQ(batch.statements[0].text_or_id, "SELECT 1");
  EXPECT_TRUE(batch.statements[1].prepared);
  EXPECT_EQ(batch.statements[1].values.at(0).bytes, "a");
  EXPECT_EQ(batch.parameters.consistency, Consistency::kLocalQuorum);
  EXPECT_EQ(batch.parameters.timestamp, 9);
  EXPECT_EQ(decoded<Batch>(samples()[9]).parameters.keyspace, "ks");
}

TEST(Request, RegisterAuthAndFlags) {
  EXPECT_THAT(decoded<Register>(samples()[10]).events, ElementsAre("SCHEMA_CHANGE", "STATUS_CHANGE"));
  EXPECT_EQ(decoded<AuthResponse>(samples()[11]).token, std::string_view("\0user\0pass", 10));
  EXPECT_EQ(decoded<Query>(samples()[12]).text, "SELECT 1") << "after the custom payload";
  EXPECT_THAT(decode_request(samples()[12])->custom_payload, ElementsAre(Pair("key", ValueView("value"))));
  Frame traced = samples()[1];
  traced.flags = frame_flags::kTracing;
  EXPECT_TRUE(decode_request(traced)->tracing);
}

TEST(Request, ViewsOutliveTheFrame) {
  std::optional<Request> request;
  {
    Frame frame = frame_of(Opcode::kPrepare, long_text("short"), 4);
    request = *decode_request(frame);
  }
  EXPECT_EQ(std::get<Prepare>(request->message).text, "short");
}

TEST(Request, EveryTruncationAndEveryExtraByteIsRefused) {
  for (const Frame& frame : samples()) {
    ASSERT_TRUE(decode_request(frame).has_value()) << decode_request(frame).error().to_string();
    for (size_t length = 0; length < frame.body->size(); ++length) {
      Frame cut = frame;
      cut.body = std::make_shared<const Bytes>(frame.body->substr(0, length));
      EXPECT_FALSE(decode_request(cut).has_value()) << "opcode " << int{frame.opcode} << " cut to " << length;
    }
    Frame longer = frame;
    longer.body = std::make_shared<const Bytes>(*frame.body + 'x');
    EXPECT_THAT(refusal(longer), HasSubstr("after its end"));
  }
}

TEST(Request, CountsThatLieAreRefusedBeforeTheyAreReserved) {
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, kSelect + hex("0001 01 ffff"), 4)), HasSubstr("the number of values"));
  EXPECT_THAT(refusal(frame_of(Opcode::kBatch, hex("00 ffff 00"), 4)), HasSubstr("the number of statements"));
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, hex("7fffffff") + "SELECT", 4)), HasSubstr("the query string"));
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, hex("ffffffff"), 4)), HasSubstr("the query string"));
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, kSelect + hex("0001 01 0001 fffffffd"), 4)), HasSubstr("length -3"));
}

TEST(Request, TheTimestampThatMeansNoneIsRefused) {
  EXPECT_EQ(decoded<Query>(frame_of(Opcode::kQuery, kSelect + hex("0001 20 8000000000000001"), 4)).parameters.timestamp,
            INT64_MIN + 1);
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, kSelect + hex("0001 20 8000000000000000"), 4)),
              HasSubstr("Out of bound timestamp, must be in [-9223372036854775807, 9223372036854775807] "
                        "(got -9223372036854775808)"));
}

TEST(Request, QueryStringsAreUtf8) {
  for (std::string_view good :
       {"", "SELECT", "\xC3\xA4", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(decoded<Prepare>(frame_of(Opcode::kPrepare, long_text(good), 4)).text.size(), good.size());
  }
  for (std::string_view bad : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                               "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xE2\x82"}) {
    EXPECT_THAT(refusal(frame_of(Opcode::kPrepare, long_text("ab" + std::string(bad)), 4)),
                HasSubstr("not UTF-8: byte 2"));
  }
}

TEST(Request, UnknownNumbersAreRefused) {
  EXPECT_THAT(refusal(frame_of(static_cast<Opcode>(0x4D), "")), HasSubstr("Unknown opcode 77"));
  EXPECT_THAT(refusal(frame_of(Opcode::kReady, "")), HasSubstr("Unknown opcode 2"));
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, kSelect + hex("000b 00"), 4)), HasSubstr("Unknown code 11"));
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, kSelect + hex("0001 80"), 4)), HasSubstr("Unknown query flags 0x80"));
  EXPECT_THAT(refusal(frame_of(Opcode::kQuery, kSelect + hex("0001 00000200"), 5)),
              HasSubstr("Unknown query flags 0x200"));
  EXPECT_THAT(refusal(frame_of(Opcode::kPrepare, kSelect + hex("00000002"), 5)),
              HasSubstr("Unknown prepare flags 0x2"));
  EXPECT_THAT(refusal(frame_of(Opcode::kBatch, hex("03 0000 0001 00"), 4)), HasSubstr("Invalid batch type 3"));
  EXPECT_THAT(refusal(frame_of(Opcode::kBatch, hex("00 0001 02 00000000 0000 0001 00"), 4)), HasSubstr("query kind 2"));
  EXPECT_THAT(refusal(frame_of(Opcode::kBatch, hex("00 0000 0001 40"), 4)), HasSubstr("Named values"));
}

}  // namespace
}  // namespace sagitta::wire::testing
