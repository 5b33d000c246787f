// Names of segments, and the check of one at open.
#include "segment.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/assert.h"

#include "record_frame.h"

namespace sagitta::log {
namespace {

constexpr uint64_t kIndexEveryBytes = uint64_t{64} << 10;
constexpr size_t kNameDigits = 20;
constexpr std::string_view kSuffix = ".log";

std::unexpected<Error> corrupt(const std::string& path, uint64_t position, std::string_view what) {
  return fail(ErrorCode::kCorruption, fmt::format("{}: damaged at byte {}: {}", path, position, what));
}

/// Whether a whole frame stands after the damage at `position` that can only have been written once
/// the damaged one was synced: one of a later group, or one with the offset that was due, which
/// shows that the damaged one was a mark.
bool later_write_follows(BytesView content, size_t position, Offset due) {
  for (size_t at = content.find("SGL", position + 1); at != BytesView::npos; at = content.find("SGL", at + 1)) {
    const auto frame = parse_frame(content.substr(at));
    if (frame && (frame->offset == due || frame->group_first > due)) return true;
  }
  return false;
}

/// The place after the last byte that is not zero, at least `from`.
size_t end_of_written(BytesView content, size_t from) {
  const size_t last = content.find_last_not_of('\0');
  return last == BytesView::npos ? from : std::max(from, last + 1);
}

}  // namespace

void Segment::note(Offset offset, uint64_t position) {
  const uint64_t last = index.empty() ? 0 : index.back().position;
  if (position < last + kIndexEveryBytes) return;
  SAGITTA_ASSERT(index.empty() || index.back().offset < offset);
  index.push_back({offset, position});
}

Place Segment::nearest(Offset offset) const {
  const auto after = std::ranges::upper_bound(index, offset, {}, &Place::offset);
  return after == index.begin() ? Place{base, 0} : *std::prev(after);
}

std::string segment_name(Offset base) { return fmt::format("{:020}{}", base, kSuffix); }

std::optional<Offset> parse_segment_name(const std::string& name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  Offset base = 0;
  for (size_t i = 0; i < kNameDigits; ++i) {
    if (name[i] < '0' || name[i] > '9') return std::nullopt;
    if (__builtin_mul_overflow(base, Offset{10}, &base)) return std::nullopt;
    if (__builtin_add_overflow(base, static_cast<Offset>(name[i] - '0'), &base)) return std::nullopt;
  }
  return base;
}

Result<Scan> scan_segment(FileSystem& files, const std::string& path, Offset base, bool is_last) {
  SAGITTA_TRY(const Bytes file, read_file(files, path));
  const BytesView content = file;
  Scan scan{.segment = {.path = path, .base = base, .bytes = 0, .index = {}}, .next = base};
  uint64_t& position = scan.segment.bytes;
  while (position < content.size()) {
    const auto frame = parse_frame(content.substr(position));
    if (!frame) {
      if (!is_last) return corrupt(path, position, "not the last segment");
      if (later_write_follows(content, position, scan.next)) return corrupt(path, position, "whole records follow");
      scan.reserved_bytes = content.size() - end_of_written(content, position);
      scan.torn_bytes = content.size() - position - scan.reserved_bytes;
      return scan;
    }
    if (frame->version != kFormatVersion) {
      return fail(ErrorCode::kFormat, fmt::format("{}: byte {}: format version {}, {} is known", path, position,
                                                  frame->version, kFormatVersion));
    }
    if (frame->offset != scan.next) {
      return corrupt(path, position, fmt::format("offset {}, expected {}", frame->offset, scan.next));
    }
    if (frame->kind != kMarkKind) scan.segment.note(scan.next++, position);
    position += frame->bytes;
  }
  return scan;
}

}  // namespace sagitta::log
