/// Mutations as bytes: what a record holds is what was written, and damage is refused.
#include "sagitta/rows/mutation.h"

#include <gtest/gtest.h>

#include "sagitta/types/value.h"

namespace sagitta::rows {
namespace {

TEST(Mutation, ComesBackFromItsBytesAndEveryCutIsRefused) {
  Mutation m{.table_id = 7, .partition_key = types::from_int32(1), .timestamp_us = -5};
  m.stamp = Mutation::Stamp::kProposed;
  m.deletions.push_back({.start = {"a"}, .end = {"b", "c"}, .end_inclusive = false});
  m.rows.push_back({.clustering = {"x"}, .insert_marker = true, .ttl_s = 5, .expires_s = 99});
  m.rows[0].cells.push_back({.column_id = 3, .kind = CellOp::Kind::kListDiscard, .number = -7, .elements = {"e", ""}});
  m.rows[0].cells.push_back({.column_id = 4, .path = "path", .value = Bytes("value")});
  const std::vector<Mutation> record = {m, m};
  Bytes bytes, again;
  encode(record, bytes);
  const auto decoded = decode_mutations(bytes);
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  encode(*decoded, again);
  EXPECT_EQ(again, bytes);
  EXPECT_EQ((*decoded)[1].rows[0].cells[0].number, -7);
  EXPECT_EQ((*decoded)[1].rows[0].cells[1].value, Bytes("value"));
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_mutations(BytesView(bytes).substr(0, size)));
}

}  // namespace
}  // namespace sagitta::rows
