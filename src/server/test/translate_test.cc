/// Words of the protocol to words of the database, and back.
#include "../translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sagitta::server {
namespace {

TEST(Translate, EveryParameterOfAQueryReachesTheDatabase) {
  wire::QueryParameters parameters;
  parameters.consistency = wire::Consistency::kLocalQuorum;
  parameters.serial_consistency = wire::Consistency::kLocalSerial;
  parameters.values = {{.kind = wire::BoundValue::Kind::kBytes, .bytes = "a"},
                       {.kind = wire::BoundValue::Kind::kNull, .bytes = {}},
                       {.kind = wire::BoundValue::Kind::kUnset, .bytes = {}}};
  parameters.names = {"x", "y", "z"};
  parameters.page_size = 7;
  parameters.paging_state = "state";
  parameters.timestamp = 123;
  parameters.keyspace = "own";
  parameters.now_in_seconds = 77;
  const db::RequestOptions options = to_request_options(parameters, "session");
  EXPECT_EQ(options.keyspace, "own");
  EXPECT_EQ(options.consistency, db::Consistency::kLocalQuorum);
  EXPECT_EQ(options.serial_consistency, db::Consistency::kLocalSerial);
  ASSERT_EQ(options.values.size(), 3U);
  EXPECT_EQ(options.values[0].value, Value("a"));
  EXPECT_EQ(options.values[0].name, "x");
  EXPECT_FALSE(options.values[1].value.has_value() || options.values[1].unset);
  EXPECT_TRUE(options.values[2].unset);
  EXPECT_EQ(options.page_size, 7);
  EXPECT_EQ(options.paging_state, "state");
  EXPECT_EQ(options.default_timestamp_us, 123);
  EXPECT_EQ(options.now_s, 77);
}

TEST(Translate, WhatIsAbsentStaysAbsent) {
  const db::RequestOptions options = to_request_options({}, "session");
  EXPECT_EQ(options.keyspace, "session");
  EXPECT_EQ(options.page_size, 0);
  EXPECT_FALSE(options.default_timestamp_us.has_value());
  EXPECT_FALSE(options.now_s.has_value());
}

TEST(Translate, StatementsOfABatchKeepTheirOrderAndTheirValues) {
  wire::Batch batch;
  batch.statements.push_back({.prepared = true, .text_or_id = "id", .values = {}});
  batch.statements.push_back(
      {.prepared = false, .text_or_id = "INSERT", .values = {{.kind = wire::BoundValue::Kind::kBytes, .bytes = "v"}}});
  const auto items = to_batch_items(batch);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].prepared_id, "id");
  EXPECT_TRUE(items[0].text.empty());
  EXPECT_EQ(items[1].text, "INSERT");
  ASSERT_EQ(items[1].values.size(), 1U);
  EXPECT_EQ(items[1].values[0].value, Value("v"));
}

}  // namespace
}  // namespace sagitta::server
