/// Rows files of snapshots: those of one log partition byte for byte as they were before there were
/// several, and those of several.
#include "vector/rows_file.h"

#include <gtest/gtest.h>

#include "sagitta/base/checksum.h"
#include "sagitta/base/memory_file.h"

namespace sagitta::index {
namespace {

Bytes frame(const Bytes& body) {
  Bytes out;
  put_big<uint32_t>(out, static_cast<uint32_t>(body.size()));
  put_big<uint32_t>(out, crc32c(body, crc32c(out)));
  return out + body;
}

/// As docs/formats/vector-index.md says it.
Bytes header_frame(uint32_t version, std::initializer_list<uint64_t> complete_to) {
  Bytes body(1, '\0');
  body += "SAGITROW";
  put_big<uint32_t>(body, version);
  put_big<uint32_t>(body, uint32_t{7});
  put_big<uint32_t>(body, uint32_t{3});
  for (const uint64_t offset : complete_to) put_big<uint64_t>(body, offset);
  return frame(body);
}

Bytes rows_frames() {
  Bytes rows(1, '\1');
  rows += Bytes(1, '\0');
  put_big<uint32_t>(rows, uint32_t{5});
  put_big<uint64_t>(rows, uint64_t{0x0102030405060708});
  put_blob(rows, "key");
  rows += Bytes(1, '\1');
  put_blob(rows, "refused");
  Bytes end(1, '\2');
  put_big<uint64_t>(end, uint64_t{2});
  return frame(rows) + frame(end);
}

class RowsFile : public testing::Test {
 protected:
  Bytes written(const Positions& complete_to) {
    RowsWriter out(*files_, "/7.rows");
    EXPECT_TRUE(out.open({.index_id = 7, .number = 3, .complete_to = complete_to}));
    EXPECT_TRUE(out.add({.slot = ann::Slot{5}, .print = 0x0102030405060708, .key = "key"}));
    EXPECT_TRUE(out.add({.key = "refused"}));
    EXPECT_TRUE(out.finish());
    return read_file(*files_, "/7.rows").value();
  }
  Result<SnapshotHeader> opened(const Bytes& content) {
    EXPECT_TRUE(write_file_atomically(*files_, "/7.rows", content));
    RowsReader reader("/7.rows");
    auto header = reader.open(*files_);
    if (!header) return header;
    std::vector<SnapshotRow> rows;
    SAGITTA_CHECK(reader.for_each([&](const SnapshotRow& row) {
      rows.push_back(row);
      return Status();
    }));
    EXPECT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].slot, ann::Slot{5});
    EXPECT_EQ(rows[0].print, 0x0102030405060708U);
    EXPECT_EQ(rows[1].slot, ann::kNoSlot);
    EXPECT_EQ(rows[1].key, "refused");
    return header;
  }

  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
};

TEST_F(RowsFile, OfOnePartitionIsAsItWasBeforeThereWereSeveral) {
  const Bytes kept = header_frame(2, {900}) + rows_frames();
  EXPECT_EQ(written({900}), kept);
  const auto header = opened(kept);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->index_id, 7U);
  EXPECT_EQ(header->number, 3U);
  EXPECT_EQ(header->complete_to, Positions{900});
}

TEST_F(RowsFile, OfSeveralSaysWhereEachIs) {
  const Bytes expected = header_frame(3, {900, 0, 77}) + rows_frames();
  EXPECT_EQ(written({900, 0, 77}), expected);
  const auto header = opened(expected);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->complete_to, (Positions{900, 0, 77}));
  // So the vectors of another moment are told apart by any partition.
  EXPECT_NE(header->tag(), (SnapshotHeader{7, 3, {900, 1, 77}}.tag()));
}

TEST_F(RowsFile, OtherHeadersAreRefused) {
  const auto code = [&](const Bytes& header) {
    const auto read = opened(header + rows_frames());
    return read ? ErrorCode::kInvalid : read.error().code();
  };
  EXPECT_EQ(code(header_frame(1, {900})), ErrorCode::kFormat);
  EXPECT_EQ(code(header_frame(4, {900})), ErrorCode::kFormat);
  EXPECT_EQ(code(header_frame(2, {900, 901})), ErrorCode::kCorruption);
  EXPECT_EQ(code(header_frame(2, {})), ErrorCode::kCorruption);
  EXPECT_EQ(code(header_frame(3, {})), ErrorCode::kCorruption);
  EXPECT_EQ(code(header_frame(3, {900})), ErrorCode::kCorruption);
  Bytes cut(1, '\0');
  cut += "SAGITROW";
  put_big<uint32_t>(cut, uint32_t{3});
  EXPECT_EQ(code(frame(cut + Bytes(8 + 12, '\1'))), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace sagitta::index
