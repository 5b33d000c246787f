// Reads records from a segment on disk, a chunk of the file at a time.
#include "segment_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "record_frame.h"

namespace sagitta::log {
namespace {

constexpr size_t kReadChunkBytes = size_t{1} << 20;

/// Goes through a segment frame by frame, a chunk of the file at a time.
class FrameReader {
 public:
  FrameReader(const Segment& segment, const RandomFile& file, uint64_t position)
      : segment_(segment), file_(file), position_(position) {}

  /// The next whole frame, mark or record; good until the next call. Nothing at the end.
  Result<std::optional<BytesView>> next() {
    if (position_ >= segment_.bytes) return std::nullopt;
    SAGITTA_CHECK(have(kFrameHeaderBytes));
    const auto size = frame_bytes(chunk_view());
    if (!size) return damaged();
    SAGITTA_CHECK(have(*size));
    const BytesView frame = chunk_view().substr(0, *size);
    position_ += *size;
    return frame;
  }
  std::unexpected<Error> damaged() const {
    return fail(ErrorCode::kCorruption, fmt::format("{}: damaged at byte {}", segment_.path, position_));
  }

 private:
  BytesView chunk_view() const { return BytesView(chunk_).substr(position_ - chunk_begin_); }
  Status have(size_t bytes) {
    if (position_ + bytes > segment_.bytes) return damaged();
    if (position_ >= chunk_begin_ && position_ + bytes <= chunk_begin_ + chunk_.size()) return {};
    chunk_.resize(std::max(bytes, std::min<uint64_t>(kReadChunkBytes, segment_.bytes - position_)));
    chunk_begin_ = position_;
    SAGITTA_TRY(const size_t got, file_.read(position_, chunk_.size(), chunk_.data()));
    if (got < chunk_.size()) return damaged();
    return {};
  }

  const Segment& segment_;
  const RandomFile& file_;
  uint64_t position_;
  uint64_t chunk_begin_ = 0;
  Bytes chunk_;
};

}  // namespace

Result<std::vector<Entry>> read_segment(FileSystem& files, const Segment& segment, Offset from, Offset end,
                                        size_t max_bytes) {
  SAGITTA_TRY(const auto file, files.open_random(segment.path));
  FrameReader reader(segment, *file, segment.nearest(from).position);
  std::vector<Entry> entries;
  for (size_t bytes = 0; from < end && (entries.empty() || bytes < max_bytes);) {
    SAGITTA_TRY(const auto bytes_of_frame, reader.next());
    const auto frame = bytes_of_frame ? parse_frame(*bytes_of_frame) : std::nullopt;
    if (!frame || frame->offset > from) return reader.damaged();
    if (frame->kind == kMarkKind || frame->offset < from) continue;
    auto entry = decode_record(*bytes_of_frame);
    // What is whole before a record of an unknown kind is still to be applied.
    if (!entry && !entries.empty()) break;
    if (!entry) return fail(entry);
    bytes += frame->bytes;
    entries.push_back(*std::move(entry));
    ++from;
  }
  return entries;
}

}  // namespace sagitta::log
