#include "sagitta/rows/stored_row.h"

#include <gtest/gtest.h>

#include "sagitta/rows/deletions.h"

namespace sagitta::rows {
namespace {

/// "01" is the format; the fields are those of docs/formats/rows.md.
Status decoded(BytesView hex) {
  auto row = StoredRow::decode(*from_hex(hex));
  return row ? Status() : std::unexpected(row.error());
}

Bytes encoded(const StoredRow& row) {
  Bytes out;
  row.encode(out);
  return out;
}

TEST(StoredRow, ReadsBackAsWritten) {
  StoredRow row;
  row.put(Marker{.timestamp_us = 5, .ttl_s = 9, .expires_s = 14});
  row.put(1, Cell{.timestamp_us = -3, .value = "a", .ttl_s = 2, .expires_s = 8});
  row.put(7, Cell{.timestamp_us = 6, .deleted_s = 4});
  row.maps[2].put("x", Cell{.timestamp_us = 1, .value = ""});
  row.maps[3].shadow({.timestamp_us = 3, .at_s = 1});
  row.deletion = {.timestamp_us = -9, .at_s = 2};
  const auto again = StoredRow::decode(encoded(row));
  ASSERT_TRUE(again);
  EXPECT_EQ(encoded(*again), encoded(row));
  EXPECT_EQ(again->marker.expires_s, 14);
  EXPECT_EQ(again->cells.at(7).deleted_s, 4);
  EXPECT_EQ(again->maps.at(3).deletion.timestamp_us, 3);
}

TEST(StoredRow, AMarkerThatIsNotThereDoesNotExpire) {
  StoredRow row;
  row.marker.expires_s = 14;
  EXPECT_EQ(to_hex(encoded(row)), "0x01000000");
  // What was once written of such a row.
  EXPECT_TRUE(decoded("01020000"));
}

TEST(StoredRow, WhatNoRowIsWrittenAsIsRefused) {
  ASSERT_TRUE(decoded("01000000"));
  const std::pair<std::string_view, std::string_view> wrong[] = {
      {"01080000", "a flag of the row that means nothing"},
      {"0101ffffffffffffffffff010000", "a marker without a time"},
      {"01030202000000", "a marker that expires never"},
      {"01030201100000", "a negative time to live"},
      {"0103028080808020100000", "a time to live past 32 bits"},
      {"0104ffffffffffffffffff01020000", "a deletion without a time"},
      {"010001"
       "01"
       "04"
       "0200"
       "00",
       "a flag of the cell that means nothing"},
      {"010001"
       "8080808010"
       "01"
       "0200"
       "00",
       "a column past 32 bits"},
      {"010002"
       "01010200"
       "01010200"
       "00",
       "a column twice"},
      {"010002"
       "02010200"
       "01010200"
       "00",
       "columns that descend"},
      {"01000001"
       "01"
       "0200"
       "02"
       "0161010200"
       "0161010200",
       "a path twice"},
      {"0100000000", "a byte after its end"},
  };
  for (const auto& [hex, why] : wrong) {
    const Status status = decoded(hex);
    ASSERT_FALSE(status) << why;
    EXPECT_EQ(status.error().code(), ErrorCode::kCorruption) << why;
  }
}

TEST(PartitionHeader, AByteAfterItsEndIsRefused) {
  PartitionHeader header;
  header.deletion = {.timestamp_us = 4, .at_s = 1};
  Bytes bytes;
  header.encode(bytes);
  ASSERT_TRUE(PartitionHeader::decode(bytes));
  EXPECT_FALSE(PartitionHeader::decode(bytes + 'x'));
}

}  // namespace
}  // namespace sagitta::rows
