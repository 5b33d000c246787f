/// Rows files, frame by frame.
#include "rows_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "sagitta/base/checksum.h"

namespace sagitta::index {
namespace {

constexpr BytesView kMagic = "SAGITROW";
/// Version 1 had fingerprints of another function; 3 is 2 with more log partitions than one.
constexpr uint32_t kOnePartition = 2, kPartitions = 3;
constexpr size_t kFrameBytes = size_t{1} << 20;
/// A row key is at most a partition and its clustering: far below.
constexpr uint32_t kFrameBytesMax = uint32_t{64} << 20;
constexpr size_t kFrameHeaderBytes = 8;

/// What a frame holds, its first byte.
enum class FrameKind : uint8_t { kHeader, kRows, kEnd };
enum class RowKind : uint8_t { kIndexed, kRefused };

Bytes body_of(FrameKind kind) { return Bytes(1, static_cast<char>(kind)); }

}  // namespace

RowsWriter::RowsWriter(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

Status RowsWriter::open(const SnapshotHeader& header) {
  SAGITTA_TRY(file_, files_.open_append(path_ + ".tmp", FileSystem::OpenMode::kTruncate));
  frame_ = body_of(FrameKind::kHeader);
  frame_ += kMagic;
  const bool one = header.complete_to.size() == 1;
  put_big<uint32_t>(frame_, one ? kOnePartition : kPartitions);
  frame_ += header.tag();
  SAGITTA_CHECK(flush());
  frame_ = body_of(FrameKind::kRows);
  return {};
}

Status RowsWriter::flush() {
  Bytes head;
  put_big<uint32_t>(head, static_cast<uint32_t>(frame_.size()));
  put_big<uint32_t>(head, crc32c(frame_, crc32c(head)));
  SAGITTA_CHECK(file_->append(head));
  return file_->append(frame_);
}

Status RowsWriter::add(const SnapshotRow& row) {
  const bool indexed = row.slot != ann::kNoSlot;
  frame_.push_back(static_cast<char>(indexed ? RowKind::kIndexed : RowKind::kRefused));
  if (indexed) {
    put_big<uint32_t>(frame_, static_cast<uint32_t>(row.slot));
    put_big<uint64_t>(frame_, row.print);
  }
  put_blob(frame_, row.key);
  ++rows_;
  if (frame_.size() < kFrameBytes) return {};
  SAGITTA_CHECK(flush());
  frame_ = body_of(FrameKind::kRows);
  return {};
}

Status RowsWriter::finish() {
  SAGITTA_CHECK(flush());
  frame_ = body_of(FrameKind::kEnd);
  put_big<uint64_t>(frame_, rows_);
  SAGITTA_CHECK(flush());
  SAGITTA_CHECK(file_->sync());
  SAGITTA_CHECK(file_->close());
  SAGITTA_CHECK(files_.rename(path_ + ".tmp", path_));
  return files_.sync_directory(std::filesystem::path(path_).parent_path().string());
}

std::unexpected<Error> RowsReader::damaged(std::string_view what) const {
  return fail(ErrorCode::kCorruption, fmt::format("{}: the frame that ends at byte {} {}", path_, at_, what));
}

Result<Bytes> RowsReader::next_frame() {
  Bytes head(kFrameHeaderBytes, '\0');
  if (size_ - at_ < head.size()) return damaged("is followed by none: the end is missing");
  SAGITTA_TRY(const size_t got, file_->read(at_, head.size(), head.data()));
  const auto length = get_big<uint32_t>(head.data());
  at_ += got;
  if (got != head.size() || length == 0 || length > kFrameBytesMax || length > size_ - at_) {
    return damaged("has no sensible length");
  }
  Bytes body(length, '\0');
  SAGITTA_TRY(const size_t body_got, file_->read(at_, length, body.data()));
  at_ += body_got;
  const uint32_t checksum = crc32c(body, crc32c(BytesView(head).substr(0, 4)));
  if (body_got != length || checksum != get_big<uint32_t>(head.data() + 4)) return damaged("fails its checksum");
  return body;
}

Result<SnapshotHeader> RowsReader::open(FileSystem& files) {
  SAGITTA_TRY(file_, files.open_random(path_));
  SAGITTA_TRY(size_, file_->size());
  SAGITTA_TRY(const Bytes body, next_frame());
  ByteReader in(body);
  const auto kind = in.big<uint8_t>();
  const auto magic = in.take(kMagic.size());
  const auto version = in.big<uint32_t>();
  if (kind != static_cast<uint8_t>(FrameKind::kHeader) || magic != kMagic || !version) return damaged("is no header");
  if (*version != kOnePartition && *version != kPartitions) {
    return fail(ErrorCode::kFormat, fmt::format("{}: is of version {}, this program knows {} and {}", path_, *version,
                                                kOnePartition, kPartitions));
  }
  const auto id = in.big<uint32_t>(), number = in.big<uint32_t>();
  if (!id || !number || in.empty()) return damaged("is no header");
  SnapshotHeader header{.index_id = *id, .number = *number, .complete_to = {}};
  while (!in.empty()) {
    const auto offset = in.big<uint64_t>();
    if (!offset) return damaged("is no header");
    header.complete_to.push_back(*offset);
  }
  if ((*version == kOnePartition) != (header.complete_to.size() == 1)) return damaged("is no header");
  return header;
}

Status RowsReader::for_each(const std::function<Status(const SnapshotRow&)>& take) {
  for (uint64_t rows = 0;;) {
    SAGITTA_TRY(const Bytes body, next_frame());
    ByteReader in(body);
    const auto kind = in.big<uint8_t>();
    if (kind == static_cast<uint8_t>(FrameKind::kEnd)) {
      if (in.big<uint64_t>() != rows || !in.empty() || at_ != size_) return damaged("is not the end of these rows");
      return {};
    }
    if (kind != static_cast<uint8_t>(FrameKind::kRows)) return damaged("has no place here");
    for (; !in.empty(); ++rows) {
      SnapshotRow row;
      const bool indexed = in.big<uint8_t>() == static_cast<uint8_t>(RowKind::kIndexed);
      const auto slot = indexed ? in.big<uint32_t>() : std::optional(static_cast<uint32_t>(ann::kNoSlot));
      const auto print = indexed ? in.big<uint64_t>() : std::optional<uint64_t>(0);
      const auto key = in.blob();
      if (!slot || !print || !key) return damaged("holds a row that makes no sense");
      SAGITTA_CHECK(take({ann::Slot{*slot}, *print, Bytes(*key)}));
    }
  }
}

}  // namespace sagitta::index
