// The client's side against the server's: what one encodes the other decodes, in each mode of the
// protocol.
#include "sagitta/wire/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire_testing.h"

namespace sagitta::wire::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using types::DataType;
using types::DataTypePtr;
using types::Kind;

Bytes patterned(size_t size) {
  Bytes body(size, '\0');
  for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>((i * 2654435761U) >> 24);
  return body;
}

struct Mode {
  uint8_t version;
  Compression compression;
};

/// Carries frames from one side of a connection to the other, `piece` bytes at a time.
class Wire {
 public:
  Wire(Mode mode, Sender sender, size_t piece)
      : encoder_(sender), decoder_(limits::kFrameBytesMax, sender), piece_(piece) {
    encoder_.set_compression(mode.compression);
    decoder_.set_compression(mode.compression);
    if (mode.version < 5) return;
    encoder_.use_segments();
    decoder_.use_segments();
  }

  std::vector<Frame> carry(std::span<const OutgoingFrame> frames) {
    Bytes bytes;
    encoder_.encode(frames, bytes);
    std::vector<Frame> out;
    for (size_t at = 0; at < bytes.size(); at += piece_) {
      decoder_.feed(BytesView(bytes).substr(at, piece_));
      for (Frame& frame : take_all(decoder_)) out.push_back(std::move(frame));
    }
    return out;
  }

 private:
  FrameEncoder encoder_;
  FrameDecoder decoder_;
  size_t piece_;
};

class BothSides : public ::testing::TestWithParam<Mode> {};

INSTANTIATE_TEST_SUITE_P(All, BothSides,
                         ::testing::Values(Mode{4, Compression::kNone}, Mode{4, Compression::kLz4},
                                           Mode{4, Compression::kSnappy}, Mode{5, Compression::kNone},
                                           Mode{5, Compression::kLz4}));

QueryParameters every_parameter(uint8_t version, BytesView large) {
  QueryParameters p{.consistency = Consistency::kQuorum,
                    .serial_consistency = Consistency::kLocalSerial,
                    .values = {{BoundValue::Kind::kBytes, large}, {}, {BoundValue::Kind::kUnset, {}}},
                    .skip_metadata = true,
                    .page_size = -1,
                    .paging_state = "page",
                    .timestamp = -5};
  if (version >= 5) {
    p.keyspace = "ks";
    p.now_in_seconds = 7;
  }
  return p;
}

/// Requests of every kind, with every part that they may have.
std::vector<Message> every_message(uint8_t version, BytesView large) {
  QueryParameters named = every_parameter(version, large);
  named.names = {"a", "", "c"};
  QueryParameters of_batch = every_parameter(version, large);
  of_batch.values.clear();
  of_batch.skip_metadata = false;
  of_batch.page_size.reset();
  of_batch.paging_state.reset();
  Prepare prepare{"SELECT 1", std::nullopt};
  if (version >= 5) prepare.keyspace = "ks";
  return {Startup{{{"CQL_VERSION", "3.4.7"}, {"COMPRESSION", ""}}},
          Options{},
          Query{"SELECT", {}},
          Query{"SELECT", named},
          Prepare{"SELECT", std::nullopt},
          prepare,
          Execute{"id", version >= 5 ? "meta" : "", every_parameter(version, large)},
          Batch{BatchKind::kUnlogged,
                {{false, "INSERT", {}}, {true, "id", {{BoundValue::Kind::kBytes, large}, {}}}},
                of_batch},
          Batch{BatchKind::kCounter, {}, {}},
          Register{{"SCHEMA_CHANGE", "STATUS_CHANGE"}},
          AuthResponse{std::nullopt},
          AuthResponse{"token"}};
}

TEST_P(BothSides, RequestsArriveAsTheyWereSent) {
  const uint8_t version = GetParam().version;
  for (const size_t large_bytes : {size_t{3}, size_t{3072}, size_t{300'000}}) {
    const Bytes large = patterned(large_bytes);
    std::vector<OutgoingFrame> sent;
    for (const Message& message : every_message(version, large)) {
      Request request{.version = version,
                      .stream = static_cast<int16_t>(sent.size()),
                      .tracing = sent.size() % 2 == 0,
                      .message = message};
      if (sent.size() % 3 == 0) request.custom_payload = {{"key", "value"}, {"", std::nullopt}, {"empty", ""}};
      auto frame = encode_request(request);
      ASSERT_TRUE(frame) << frame.error().to_string();
      sent.push_back(*std::move(frame));
    }
    for (const size_t piece : {size_t{7}, size_t{1000}, size_t{100'000}}) {
      const auto got = Wire(GetParam(), Sender::kClient, piece).carry(sent);
      ASSERT_EQ(got.size(), sent.size());
      for (size_t i = 0; i < got.size(); ++i) {
        const auto decoded = decode_request(got[i]);
        ASSERT_TRUE(decoded) << i << ": " << decoded.error().to_string();
        EXPECT_EQ(decoded->message.index(), every_message(version, large)[i].index());
        EXPECT_EQ(decoded->custom_payload.size(), i % 3 == 0 ? 3U : 0U);
        const auto again = encode_request(*decoded);
        ASSERT_TRUE(again) << again.error().to_string();
        EXPECT_EQ(again->body, sent[i].body) << i;
        EXPECT_EQ(again->flags, sent[i].flags) << i;
        EXPECT_EQ(again->stream, sent[i].stream) << i;
        EXPECT_EQ(again->opcode, sent[i].opcode) << i;
      }
    }
  }
}

TEST(RequestEncoder, WritesTheBytesOfTheSpecification) {
  const Bytes body = encode_request({.version = 4, .message = Query{"SELECT 1", {.timestamp = 5}}})->body;
  EXPECT_EQ(body, long_text("SELECT 1") + hex("0001 20 0000000000000005"));
  const QueryParameters p{.consistency = Consistency::kOne, .values = {{BoundValue::Kind::kBytes, "ab"}}};
  EXPECT_EQ(encode_request({.version = 5, .message = Execute{"id", "meta", p}})->body,
            text("id") + text("meta") + hex("0001 00000001 0001 00000002 6162"));
}

TEST(RequestEncoder, CustomPayloadsKeepNullAndEmptyApart) {
  const Request request{.version = 5, .custom_payload = {{"null", std::nullopt}, {"empty", ""}}, .message = Options{}};
  const auto frame = encode_request(request);
  const auto decoded = decode_request(frame_of(Opcode::kOptions, frame->body, 5, frame->flags));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_THAT(decoded->custom_payload, ElementsAre(Pair("null", std::nullopt), Pair("empty", ValueView(""))));
}

std::string refusal_to_encode(uint8_t version, Message message) {
  const auto frame = encode_request({.version = version, .message = std::move(message)});
  EXPECT_FALSE(frame);
  if (frame) return {};
  EXPECT_EQ(frame.error().code(), ErrorCode::kInvalid);
  return frame.error().message();
}

TEST(RequestEncoder, RefusesWhatTheProtocolCannotCarry) {
  const std::string long_name(65'536, 'x');
  EXPECT_THAT(refusal_to_encode(5, Execute{long_name, "", {}}), HasSubstr("statement id of 65536, at most 65535"));
  EXPECT_THAT(refusal_to_encode(5, Register{{long_name}}), HasSubstr("event type of 65536"));
  EXPECT_THAT(refusal_to_encode(5, Query{"", {.values = std::vector<BoundValue>(65'536)}}),
              HasSubstr("number of values of 65536"));
  EXPECT_THAT(refusal_to_encode(5, Batch{BatchKind::kLogged, std::vector<BatchStatement>(65'536), {}}),
              HasSubstr("number of statements of 65536"));
  EXPECT_THAT(refusal_to_encode(5, Query{"", {.values = {{}}, .names = {"a", "b"}}}), "2 names for 1 values");
  EXPECT_THAT(refusal_to_encode(4, Query{"", {.keyspace = "ks"}}),
              HasSubstr("Version 4 of the protocol has no keyspace"));
  EXPECT_THAT(refusal_to_encode(4, Batch{BatchKind::kLogged, {}, {.now_in_seconds = 1}}), HasSubstr("now_in_seconds"));
  EXPECT_THAT(refusal_to_encode(4, Prepare{"", "ks"}), HasSubstr("no keyspace"));
}

// ---- responses ----

DataTypePtr int_type() { return DataType::native(Kind::kInt); }

const ResultMetadata& columns_of_one_table() {
  static const ResultMetadata kColumns{
      {{"ks", "t", "id", int_type()},
       {"ks", "t", "v", DataType::vector(DataType::native(Kind::kFloat), 3)},
       {"ks", "t", "tags", DataType::map(DataType::native(Kind::kText), DataType::list(int_type()))},
       {"ks", "t", "u", DataType::udt("ks", "address", {"street"}, {DataType::native(Kind::kText)})},
       {"ks", "t", "p", DataType::tuple({int_type(), DataType::native(Kind::kUuid)})}},
      "metadata"};
  return kColumns;
}

const ResultMetadata& columns_of_two_tables() {
  static const ResultMetadata kColumns{{{"ks", "a", "x", int_type()}, {"ks", "b", "y", int_type()}}, "id"};
  return kColumns;
}

/// A response as the server makes it, taken apart as the client does.
Response decoded(uint8_t version, Opcode opcode, Bytes body, uint8_t flags = 0) {
  auto response = decode_response(frame_of(opcode, std::move(body), version, flags));
  EXPECT_TRUE(response) << (response ? "" : response.error().to_string());
  return response ? *std::move(response) : Response{};
}
template <class T>
T reply(uint8_t version, Opcode opcode, Bytes body) {
  Response response = decoded(version, opcode, std::move(body));
  EXPECT_TRUE(std::holds_alternative<T>(response.reply)) << response.reply.index();
  // The views of a reply point into the body: keep it.
  static std::vector<std::shared_ptr<const Bytes>> bodies;
  bodies.push_back(response.body);
  return std::holds_alternative<T>(response.reply) ? std::get<T>(response.reply) : T{};
}

void expect_columns(const ResultMetadata& got, const ResultMetadata& sent) {
  ASSERT_EQ(got.columns.size(), sent.columns.size());
  for (size_t i = 0; i < sent.columns.size(); ++i) {
    EXPECT_EQ(got.columns[i].keyspace, sent.columns[i].keyspace);
    EXPECT_EQ(got.columns[i].table, sent.columns[i].table);
    EXPECT_EQ(got.columns[i].name, sent.columns[i].name);
    EXPECT_EQ(*got.columns[i].type, *sent.columns[i].type) << got.columns[i].type->to_cql();
  }
}

Bytes two_rows_of_two_cells() { return long_text("a") + hex("ffffffff") + long_text("") + long_text("bcd"); }

TEST(ResponseDecoder, Rows) {
  for (const uint8_t version : {uint8_t{4}, uint8_t{5}}) {
    for (const ResultMetadata* metadata : {&columns_of_two_tables(), &columns_of_one_table()}) {
      const bool two = metadata == &columns_of_two_tables();
      RowsResult sent{.metadata = metadata, .paging_state = "more", .row_count = two ? 2U : 0U};
      const Bytes cells = two ? two_rows_of_two_cells() : Bytes();
      sent.cells = cells;
      const Rows got = reply<Rows>(version, Opcode::kResult, encode_rows(version, sent));
      expect_columns(got.metadata, *metadata);
      EXPECT_EQ(got.metadata.id, "") << "it has not changed";
      EXPECT_EQ(got.paging_state, "more");
      EXPECT_EQ(got.row_count, sent.row_count);
      EXPECT_EQ(got.cells, cells);
    }
  }
}

TEST(ResponseDecoder, CellsOfRows) {
  const Bytes cells = two_rows_of_two_cells();
  const Bytes body = encode_rows(5, {.column_count = 2, .row_count = 2, .cells = cells});
  const Response response = decoded(5, Opcode::kResult, body);
  const Rows& rows = std::get<Rows>(response.reply);
  EXPECT_TRUE(rows.metadata.columns.empty()) << "the client has them";
  EXPECT_EQ(rows.column_count, 2U);
  CellReader in(rows);
  std::vector<ValueView> all;
  while (!in.empty()) all.push_back(in.next());
  EXPECT_THAT(all, ElementsAre(ValueView("a"), std::nullopt, ValueView(""), ValueView("bcd")));
}

TEST(ResponseDecoder, ChangedMetadataHasItsNewId) {
  const Bytes body = encode_rows(5, {.metadata = &columns_of_one_table(), .metadata_changed = true});
  const Rows rows = reply<Rows>(5, Opcode::kResult, body);
  EXPECT_EQ(rows.metadata.id, "metadata");
  expect_columns(rows.metadata, columns_of_one_table());
}

TEST(ResponseDecoder, Prepared) {
  const uint16_t indexes[] = {1, 0};
  for (const uint8_t version : {uint8_t{4}, uint8_t{5}}) {
    for (const ResultMetadata* result : {static_cast<const ResultMetadata*>(nullptr), &columns_of_two_tables()}) {
      const auto got = reply<struct Prepared>(
          version, Opcode::kResult, encode_prepared(version, {"pid", &columns_of_one_table(), indexes, result}));
      EXPECT_EQ(got.id, "pid");
      EXPECT_THAT(got.partition_key_indexes, ElementsAre(1, 0));
      expect_columns(got.markers, columns_of_one_table());
      expect_columns(got.result, result ? *result : ResultMetadata{});
      EXPECT_EQ(got.result.id, result && version >= 5 ? "id" : "");
    }
  }
}

TEST(ResponseDecoder, SmallReplies) {
  reply<VoidResult>(4, Opcode::kResult, encode_void());
  reply<Ready>(4, Opcode::kReady, encode_ready());
  EXPECT_EQ(reply<KeyspaceSet>(5, Opcode::kResult, encode_set_keyspace("ks")).keyspace, "ks");
  EXPECT_EQ(reply<Authenticate>(4, Opcode::kAuthenticate, text("class")).authenticator, "class");
  EXPECT_EQ(reply<AuthChallenge>(4, Opcode::kAuthChallenge, long_text("token")).token, "token");
  EXPECT_EQ(reply<AuthSuccess>(4, Opcode::kAuthSuccess, hex("ffffffff")).token, std::nullopt);
  const auto supported = reply<Supported>(
      4, Opcode::kSupported, encode_supported({{"COMPRESSION", {"snappy", "lz4"}}, {"PROTOCOL_VERSIONS", {}}}));
  EXPECT_THAT(supported.options,
              ElementsAre(Pair("COMPRESSION", ElementsAre("snappy", "lz4")), Pair("PROTOCOL_VERSIONS", ElementsAre())));
}

TEST(ResponseDecoder, SchemaChangesAndEvents) {
  const SchemaChange sent{SchemaChange::Change::kDropped, SchemaChange::Target::kType, "ks", "address"};
  for (const SchemaChange& got : {reply<SchemaChange>(4, Opcode::kResult, encode_schema_change(sent)),
                                  reply<SchemaEvent>(4, Opcode::kEvent, encode_schema_event(sent)).change}) {
    EXPECT_EQ(got.change, sent.change);
    EXPECT_EQ(got.target, sent.target);
    EXPECT_EQ(got.keyspace, sent.keyspace);
    EXPECT_EQ(got.name, sent.name);
  }
  const InetAddress node{hex("7f000001"), 9042};
  const auto status = reply<StatusEvent>(5, Opcode::kEvent, encode_status_event(StatusChange::kDown, node));
  EXPECT_EQ(status.change, StatusChange::kDown);
  EXPECT_EQ(status.node.address, node.address);
  EXPECT_EQ(status.node.port, 9042);
  EXPECT_EQ(reply<TopologyEvent>(5, Opcode::kEvent, encode_topology_event(TopologyChange::kMovedNode, node)).change,
            TopologyChange::kMovedNode);
}

std::vector<ErrorMessage> every_error() {
  return {{CqlError::kServer, "why", {}},
          {CqlError::kUnavailable, "u", UnavailableDetail{Consistency::kAll, 3, 1}},
          {CqlError::kReadTimeout, "r", ReadTimeoutDetail{Consistency::kTwo, 1, 2, true}},
          {CqlError::kWriteTimeout, "w", WriteTimeoutDetail{Consistency::kOne, 0, 1, "CAS"}},
          {CqlError::kReadFailure, "rf", ReadFailureDetail{Consistency::kOne, 0, 1, 2, true}},
          {CqlError::kWriteFailure, "wf", WriteFailureDetail{Consistency::kOne, 0, 1, 2, "BATCH"}},
          {CqlError::kFunctionFailure, "f", FunctionFailureDetail{"k", "f", {"int", "text"}}},
          {CqlError::kAlreadyExists, "e", AlreadyExistsDetail{"k", "t"}},
          {CqlError::kUnprepared, "p", UnpreparedDetail{"pid"}}};
}

TEST(ResponseDecoder, EveryError) {
  for (const uint8_t version : {uint8_t{4}, uint8_t{5}}) {
    for (const ErrorMessage& sent : every_error()) {
      const Bytes body = encode_error(version, sent);
      const auto got = reply<ErrorMessage>(version, Opcode::kError, body);
      EXPECT_EQ(got.code, sent.code);
      EXPECT_EQ(got.detail.index(), sent.detail.index());
      EXPECT_EQ(encode_error(version, got), body) << "all details arrived";
    }
  }
}

TEST(ResponseDecoder, ErrorsBecomeOurs) {
  const Error exists = to_error({CqlError::kAlreadyExists, "e", AlreadyExistsDetail{"k", "t"}});
  EXPECT_EQ(exists.subject(), "k");
  EXPECT_EQ(exists.subject_table(), "t");
  for (const ErrorCode code :
       {ErrorCode::kServer, ErrorCode::kProtocol, ErrorCode::kSyntax, ErrorCode::kInvalid, ErrorCode::kFunction,
        ErrorCode::kConfig, ErrorCode::kAlreadyExists, ErrorCode::kUnprepared, ErrorCode::kUnauthorized,
        ErrorCode::kOverloaded, ErrorCode::kReadTimeout, ErrorCode::kWriteTimeout, ErrorCode::kUnavailable,
        ErrorCode::kTruncate}) {
    const Error sent(code, "why", "s", "t");
    EXPECT_EQ(to_error(to_error_message(sent)).code(), code) << to_string(code);
  }
}

TEST(ResponseDecoder, AnErrorOfAnUnknownCodeKeepsItsText) {
  const auto error = reply<ErrorMessage>(5, Opcode::kError, hex("00001700") + text("cas") + hex("0001 0002 03"));
  EXPECT_EQ(static_cast<uint32_t>(error.code), 0x1700U);
  EXPECT_EQ(error.message, "cas");
}

TEST_P(BothSides, ResponsesArriveAsTheyWereSent) {
  const uint8_t version = GetParam().version;
  const Bytes cells = long_text(patterned(300'000)) + long_text("small");
  const std::vector<std::string> warnings = {"careful", ""};
  const Uuid id = *Uuid::parse("00010203-0405-0607-0809-0a0b0c0d0e0f");
  std::vector<OutgoingFrame> sent = {
      {version, 0, 1, Opcode::kResult, encode_void()},
      {version, 0, 2, Opcode::kResult,
       encode_rows(version, {.metadata = &columns_of_two_tables(), .row_count = 1, .cells = cells})},
      {version, 0, kEventStream, Opcode::kEvent, encode_schema_event({})}};
  add_prefix(sent[0], id, warnings, {{"key", "value"}, {"none", std::nullopt}});
  for (const size_t piece : {size_t{7}, size_t{100'000}}) {
    const auto frames = Wire(GetParam(), Sender::kServer, piece).carry(sent);
    ASSERT_EQ(frames.size(), 3U);
    const auto first = decode_response(frames[0]), second = decode_response(frames[1]),
               third = decode_response(frames[2]);
    ASSERT_TRUE(first && second && third);
    EXPECT_EQ(first->tracing_id, id);
    EXPECT_THAT(first->warnings, ElementsAre("careful", ""));
    EXPECT_THAT(first->custom_payload, ElementsAre(Pair("key", ValueView("value")), Pair("none", std::nullopt)));
    EXPECT_EQ(second->stream, 2);
    EXPECT_EQ(std::get<Rows>(second->reply).cells, cells);
    EXPECT_EQ(third->stream, kEventStream);
  }
}

TEST(ResponseDecoder, EveryTruncationAndEveryExtraByteIsRefused) {
  const Bytes cells = two_rows_of_two_cells();
  const uint16_t indexes[] = {0};
  for (const uint8_t version : {uint8_t{4}, uint8_t{5}}) {
    std::vector<std::pair<Opcode, Bytes>> samples = {
        {Opcode::kResult, encode_rows(version, {.metadata = &columns_of_two_tables(), .row_count = 2, .cells = cells})},
        {Opcode::kResult,
         encode_prepared(version, {"pid", &columns_of_one_table(), indexes, &columns_of_two_tables()})},
        {Opcode::kResult, encode_set_keyspace("ks")},
        {Opcode::kResult, encode_schema_change({.keyspace = "ks"})},
        {Opcode::kEvent, encode_topology_event(TopologyChange::kNewNode, {hex("7f000001"), 1})},
        {Opcode::kSupported, encode_supported({{"COMPRESSION", {"lz4"}}})}};
    for (const ErrorMessage& error : every_error()) samples.emplace_back(Opcode::kError, encode_error(version, error));
    for (const auto& [opcode, body] : samples) {
      for (size_t length = 0; length < body.size(); ++length) {
        EXPECT_FALSE(decode_response(frame_of(opcode, body.substr(0, length), version)))
            << to_hex(body) << " cut to " << length;
      }
      const auto longer = decode_response(frame_of(opcode, body + 'x', version));
      ASSERT_FALSE(longer);
      EXPECT_EQ(longer.error().message(), "Malformed response: 1 bytes after its end");
    }
  }
}

TEST(ResponseDecoder, CountsThatLieAreRefusedBeforeTheyAreReserved) {
  const auto refusal = [](std::string_view digits, Opcode opcode = Opcode::kResult) {
    const auto response = decode_response(frame_of(opcode, hex(digits)));
    EXPECT_FALSE(response) << digits;
    return response ? "" : response.error().message();
  };
  EXPECT_THAT(refusal("00000002 00000001 7fffffff 0000 0000"), HasSubstr("the number of columns"));
  EXPECT_THAT(refusal("00000002 00000004 00000001 7fffffff"), HasSubstr("the number of rows"));
  EXPECT_THAT(refusal("00000002 00000004 00000000 7fffffff"), HasSubstr("the number of rows"));
  EXPECT_THAT(refusal("00000002 00000004 00000001 ffffffff"), HasSubstr("the number of rows"));
  EXPECT_THAT(refusal("00000009"), HasSubstr("Unknown kind 9"));
  EXPECT_THAT(refusal("ffff", Opcode::kSupported), HasSubstr("the options"));
  EXPECT_THAT(refusal("", Opcode::kQuery), HasSubstr("Unknown opcode 7 for a response"));
  EXPECT_THAT(refusal("0004 66756262", Opcode::kEvent), HasSubstr("Unknown event 'fubb'"));
}

TEST(FrameDecoder, AClientTakesResponsesOnly) {
  FrameDecoder decoder(limits::kFrameBytesMax, Sender::kServer);
  decoder.feed(hex("84 00 0001 02 00000000"));
  EXPECT_EQ(take_all(decoder).size(), 1U);
  decoder.feed(hex("04 00 0001 05 00000000"));
  const auto request = decoder.next();
  ASSERT_FALSE(request);
  EXPECT_TRUE(request.error().fatal);
  EXPECT_EQ(request.error().error.message(), "A request came from the server");
}

}  // namespace
}  // namespace sagitta::wire::testing
