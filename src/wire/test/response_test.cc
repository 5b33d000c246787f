#include "sagitta/wire/response.h"

#include <gtest/gtest.h>

#include "wire_testing.h"

namespace sagitta::wire::testing {
namespace {

using types::DataType;
using types::Kind;

const ResultMetadata kTwoColumns{{{"k", "t", "id", DataType::native(Kind::kInt)},
                                  {"k", "t", "v", DataType::vector(DataType::native(Kind::kFloat), 3)}},
                                 "metadata"};

Bytes vector_option() {
  return hex("0000") + text("org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType, 3)");
}
Bytes two_columns() { return text("k") + text("t") + text("id") + hex("0009") + text("v") + vector_option(); }

TEST(Response, RowsWithMetadata) {
  Bytes cells = hex("00000004 00000001 ffffffff");
  EXPECT_EQ(encode_rows(4, {.metadata = &kTwoColumns, .row_count = 1, .cells = cells}),
            hex("00000002 00000001 00000002") + two_columns() + hex("00000001") + cells);
}

TEST(Response, RowsWithPagingStateAndWithoutMetadata) {
  EXPECT_EQ(encode_rows(4, {.column_count = 2, .paging_state = "page"}),
            hex("00000002 00000006 00000002") + long_text("page") + hex("00000000"));
}

TEST(Response, ChangedMetadataIsSentEvenIfTheClientSkipsIt) {
  RowsResult rows{.metadata = &kTwoColumns, .metadata_changed = true};
  EXPECT_EQ(encode_rows(5, rows),
            hex("00000002 00000009 00000002") + text("metadata") + two_columns() + hex("00000000"));
  EXPECT_EQ(encode_rows(4, rows), encode_rows(4, {.metadata = &kTwoColumns})) << "v4 has no metadata ids";
}

TEST(Response, ColumnsOfTwoTablesAreNamedEach) {
  ResultMetadata metadata{
      {{"k", "a", "x", DataType::native(Kind::kInt)}, {"k", "b", "y", DataType::native(Kind::kText)}}, ""};
  EXPECT_EQ(encode_rows(4, {.metadata = &metadata}), hex("00000002 00000000 00000002") + text("k") + text("a") +
                                                         text("x") + hex("0009") + text("k") + text("b") + text("y") +
                                                         hex("000d 00000000"));
}

TEST(Response, Prepared) {
  const uint16_t indexes[] = {1, 0};
  PreparedResult prepared{.id = "pid", .markers = &kTwoColumns, .partition_key_indexes = indexes, .result = nullptr};
  Bytes markers = hex("00000001 00000002 00000002 0001 0000") + two_columns();
  EXPECT_EQ(encode_prepared(4, prepared), hex("00000004") + text("pid") + markers + hex("00000004 00000000"));
  prepared.result = &kTwoColumns;
  EXPECT_EQ(encode_prepared(5, prepared),
            hex("00000004") + text("pid") + text("metadata") + markers + hex("00000001 00000002") + two_columns());
}

TEST(Response, SmallResults) {
  EXPECT_EQ(encode_void(), hex("00000001"));
  EXPECT_EQ(encode_set_keyspace("ks"), hex("00000003") + text("ks"));
  EXPECT_TRUE(encode_ready().empty());
  EXPECT_EQ(encode_supported({{"COMPRESSION", {"snappy", "lz4"}}}),
            hex("0001") + text("COMPRESSION") + hex("0002") + text("snappy") + text("lz4"));
}

TEST(Response, SchemaChanges) {
  SchemaChange keyspace{SchemaChange::Change::kDropped, SchemaChange::Target::kKeyspace, "k", ""};
  SchemaChange table{SchemaChange::Change::kUpdated, SchemaChange::Target::kTable, "k", "t"};
  EXPECT_EQ(encode_schema_change(keyspace), hex("00000005") + text("DROPPED") + text("KEYSPACE") + text("k"));
  EXPECT_EQ(encode_schema_event(table),
            text("SCHEMA_CHANGE") + text("UPDATED") + text("TABLE") + text("k") + text("t"));
}

TEST(Response, NodeEvents) {
  InetAddress node{hex("7f000001"), 9042};
  EXPECT_EQ(encode_status_event(StatusChange::kDown, node),
            text("STATUS_CHANGE") + text("DOWN") + hex("04 7f000001 00002352"));
  EXPECT_EQ(encode_topology_event(TopologyChange::kRemovedNode, node),
            text("TOPOLOGY_CHANGE") + text("REMOVED_NODE") + hex("04 7f000001 00002352"));
}

Bytes error_of(uint8_t version, const Error& error) {
  return encode_error(version, to_error_message(error, Consistency::kQuorum));
}

TEST(Response, NoErrorLeavesWithAnEmptyText) {
  for (const ErrorCode code : {ErrorCode::kServer, ErrorCode::kSyntax, ErrorCode::kInvalid, ErrorCode::kIo}) {
    EXPECT_EQ(to_error_message(Error(code, "")).message, to_string(code));
  }
}

TEST(Response, ErrorsOfOursHaveTheirCodesAndDetails) {
  struct Case {
    ErrorCode code;
    std::string_view head, detail;
  } cases[] = {
      {ErrorCode::kServer, "00000000", ""},
      {ErrorCode::kProtocol, "0000000a", ""},
      {ErrorCode::kSyntax, "00002000", ""},
      {ErrorCode::kInvalid, "00002200", ""},
      {ErrorCode::kFunction, "00001400", "0006 73797374656d 0002 6b73 0000"},
      {ErrorCode::kConfig, "00002300", ""},
      {ErrorCode::kAlreadyExists, "00002400", "0002 6b73 0001 74"},
      {ErrorCode::kUnprepared, "00002500", "0002 6b73"},
      {ErrorCode::kUnauthorized, "00002100", ""},
      {ErrorCode::kOverloaded, "00001001", ""},
      {ErrorCode::kReadTimeout, "00001200", "0004 00000000 00000001 00"},
      {ErrorCode::kWriteTimeout, "00001100", "0004 00000000 00000001 0002 6b73"},
      {ErrorCode::kUnavailable, "00001000", "0004 00000001 00000000"},
      {ErrorCode::kTruncate, "00001003", ""},
      {ErrorCode::kIo, "00000000", ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(error_of(5, Error(c.code, "why", "ks", "t")), hex(c.head) + text("why") + hex(c.detail))
        << to_string(c.code);
  }
  const Bytes plain = error_of(5, Error(ErrorCode::kWriteTimeout, "why"));
  EXPECT_EQ(plain, hex("00001100") + text("why") + hex("0004 00000000 00000001") + text("SIMPLE"));
}

TEST(Response, FailuresCountInV4AndMapInV5) {
  ErrorMessage read{CqlError::kReadFailure, "", ReadFailureDetail{Consistency::kOne, 0, 1, 1, true}};
  EXPECT_EQ(encode_error(4, read), hex("00001300 0000 0001 00000000 00000001 00000001 01"));
  EXPECT_EQ(encode_error(5, read), hex("00001300 0000 0001 00000000 00000001 00000001 04 00000000 0000 01"));
  ErrorMessage write{CqlError::kWriteFailure, "", WriteFailureDetail{Consistency::kOne, 0, 1, 0, "BATCH"}};
  EXPECT_EQ(encode_error(5, write), hex("00001500 0000 0001 00000000 00000001 00000000") + text("BATCH"));
  ErrorMessage function{CqlError::kFunctionFailure, "", FunctionFailureDetail{"k", "f", {"int"}}};
  EXPECT_EQ(encode_error(4, function), hex("00001400 0000") + text("k") + text("f") + hex("0001") + text("int"));
}

TEST(Response, LongMessagesAreCutToAString) {
  Bytes body = error_of(4, Error(ErrorCode::kInvalid, std::string(70000, 'm')));
  EXPECT_EQ(body.size(), 4U + 2U + 65535U);
}

TEST(Response, MessagesAreUtf8WhateverTheyQuote) {
  EXPECT_EQ(error_of(4, Error(ErrorCode::kInvalid,
                              "a\xC3\xA4\xFF"
                              "b\xE2\x82")),
            hex("00002200") + text("a\xC3\xA4?b??"));
}

TEST(Response, PrefixHasTracingIdThenWarnings) {
  OutgoingFrame response{5, 0, 1, Opcode::kResult, encode_void()};
  add_prefix(response, std::nullopt, {});
  EXPECT_EQ(response.body, encode_void());
  Uuid id = *Uuid::parse("00010203-0405-0607-0809-0a0b0c0d0e0f");
  std::vector<std::string> warnings = {"careful"};
  add_prefix(response, id, warnings);
  EXPECT_EQ(response.flags, frame_flags::kTracing | frame_flags::kWarning);
  EXPECT_EQ(response.body, id.bytes() + hex("0001") + text("careful") + encode_void());
}

}  // namespace
}  // namespace sagitta::wire::testing
