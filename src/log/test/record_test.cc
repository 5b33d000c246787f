#include "sagitta/log/record.h"

#include <gtest/gtest.h>

#include "sagitta/base/checksum.h"

#include "record_frame.h"
#include "segment.h"

namespace sagitta::log {
namespace {

Record example() {
  return {.kind = RecordKind::kMutation,
          .schema_version = 3,
          .request_id = *Uuid::parse("00112233-4455-6677-8899-aabbccddeeff"),
          .not_after_us = 1'000'000,
          .log_time_us = 999'999,
          .payload = "hi"};
}

/// Puts the right checksum on bytes that were changed.
Bytes sealed(Bytes bytes) {
  Bytes checksum;
  put_big(checksum, crc32c(BytesView(bytes).substr(kFrameHeaderBytes), crc32c(BytesView(bytes).substr(0, 8))));
  return bytes.replace(8, 4, checksum);
}

/// The worked example of docs/formats/log.md.
TEST(Record, HasTheBytesOfTheDocument) {
  Bytes bytes;
  encode_record(example(), 7, 5, bytes);
  EXPECT_EQ(to_hex(bytes),
            "0x53474c01"
            "00000037"
            "13dc05cc"
            "01"
            "0000000000000007"
            "00000002"
            "0000000000000003"
            "00112233445566778899aabbccddeeff"
            "00000000000f4240"
            "00000000000f423f"
            "6869");
}

TEST(Record, ComesBack) {
  Bytes bytes;
  encode_record(example(), 7, bytes);
  const auto entry = decode_record(bytes);
  ASSERT_TRUE(entry) << entry.error().to_string();
  const Record record = example();
  EXPECT_EQ(entry->offset, 7u);
  EXPECT_EQ(entry->record->kind, record.kind);
  EXPECT_EQ(entry->record->schema_version, record.schema_version);
  EXPECT_EQ(entry->record->request_id, record.request_id);
  EXPECT_EQ(entry->record->not_after_us, record.not_after_us);
  EXPECT_EQ(entry->record->log_time_us, record.log_time_us);
  EXPECT_EQ(entry->record->payload, record.payload);
}

TEST(Record, AnyFlippedBitAndAnyOtherLengthIsDamage) {
  Bytes bytes;
  encode_record(example(), 7, bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ static_cast<char>(1u << bit % 8));
    const auto entry = decode_record(damaged);
    ASSERT_FALSE(entry) << bit;
    EXPECT_EQ(entry.error().code(), ErrorCode::kCorruption);
  }
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_record(BytesView(bytes).substr(0, size)));
  EXPECT_FALSE(decode_record(bytes + "x"));
}

TEST(Record, ANewerVersionOrAnUnknownKindIsAFormatError) {
  Bytes bytes;
  encode_record(example(), 7, bytes);
  Bytes newer = bytes;
  newer[3] = 2;
  EXPECT_EQ(decode_record(sealed(newer)).error().code(), ErrorCode::kFormat);
  Bytes unknown = bytes;
  unknown[12] = 77;
  EXPECT_EQ(decode_record(sealed(unknown)).error().code(), ErrorCode::kFormat);
  Bytes mark;
  encode_mark(7, 0, mark);
  EXPECT_EQ(decode_record(mark).error().code(), ErrorCode::kFormat);
  Bytes little(kFrameHeaderBytes + 10, '\0');
  little.replace(0, 8, Bytes("SGL\x01\0\0\0\x0a", 8));
  EXPECT_EQ(decode_record(sealed(little)).error().code(), ErrorCode::kCorruption);
}

TEST(Segment, NamesComeBack) {
  EXPECT_EQ(segment_name(0), "00000000000000000000.log");
  EXPECT_EQ(parse_segment_name(segment_name(UINT64_MAX)), UINT64_MAX);
  EXPECT_EQ(parse_segment_name("99999999999999999999.log"), std::nullopt);
  EXPECT_EQ(parse_segment_name("0000000000000000000x.log"), std::nullopt);
  EXPECT_EQ(parse_segment_name("7.log"), std::nullopt);
}

}  // namespace
}  // namespace sagitta::log
