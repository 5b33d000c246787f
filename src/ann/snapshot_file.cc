// Reading and writing a snapshot file: its layout, its footer and its checksums.
#include "snapshot_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "sagitta/base/assert.h"
#include "sagitta/base/checksum.h"
#include "sagitta/base/limits.h"

namespace sagitta::ann {
namespace {

/// Version 1: no fine codes. Version 2: neighbours by distance only, no rings of copies.
constexpr uint32_t kVersion = 3, kVersionMin = 1;
constexpr BytesView kMagic = "SAGITANN";
constexpr size_t kBlockBytes = size_t{1} << 20;
/// Length and checksum of the footer, version, magic.
constexpr size_t kTailBytes = 12 + kMagic.size();
/// A tag is small; the centre is the largest member.
constexpr size_t kFooterBytesMax = size_t{64} << 20;
/// More threads would only wait for memory.
constexpr size_t kThreadsMax = 4;

uint64_t to_page(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

size_t record_bytes(PartKind kind, const SlotShape& shape) {
  switch (kind) {
    case PartKind::kStates: return 1;
    case PartKind::kExpiries: return sizeof(int64_t);
    case PartKind::kVectors: return shape.vector_bytes;
    case PartKind::kCodes: return shape.code_bytes;
    case PartKind::kFactors: return sizeof(Codec::Factors);
    case PartKind::kLinks: return shape.links_bytes;
    case PartKind::kFine: break;
  }
  return shape.fine_bytes;
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

void put_float(Bytes& out, float value) { put_big<uint32_t>(out, std::bit_cast<uint32_t>(value)); }

Bytes encode(const SnapshotFooter& f) {
  Bytes out;
  put_big<uint32_t>(out, f.dim);
  put_big<uint8_t>(out, static_cast<uint8_t>(f.metric));
  put_big<uint8_t>(out, static_cast<uint8_t>(f.level));
  put_big<uint32_t>(out, f.connections);
  put_big<uint32_t>(out, static_cast<uint32_t>(f.shape.vector_bytes));
  put_big<uint32_t>(out, static_cast<uint32_t>(f.shape.code_bytes));
  put_big<uint32_t>(out, static_cast<uint32_t>(f.shape.links_bytes));
  put_big<uint32_t>(out, static_cast<uint32_t>(f.shape.fine_bytes));
  put_big<uint8_t>(out, static_cast<uint8_t>(f.code_bits));
  put_big<uint32_t>(out, f.end);
  put_big<uint8_t>(out, f.has_codec ? 1 : 0);
  if (f.has_codec) {
    put_float(out, f.unit);
    for (float v : f.centre) put_float(out, v);
    put_big<uint8_t>(out, static_cast<uint8_t>(f.neighbours));
  }
  put_big<uint32_t>(out, static_cast<uint32_t>(f.entries.size()));
  for (uint32_t entry : f.entries) put_big<uint32_t>(out, entry);
  put_blob(out, f.tag);
  put_big<uint32_t>(out, static_cast<uint32_t>(f.checksums.size()));
  for (uint32_t checksum : f.checksums) put_big<uint32_t>(out, checksum);
  return out;
}

/// Reads members in turn; after the first missing one, nothing counts.
class FooterReader {
 public:
  explicit FooterReader(BytesView bytes) : in_(bytes) {}

  template <class T>
  T number() {
    const auto value = in_.big<T>();
    right_ = right_ && value;
    return value.value_or(T{});
  }
  float real() { return std::bit_cast<float>(number<uint32_t>()); }
  std::vector<uint32_t> numbers() {
    const auto count = number<uint32_t>();
    right_ = right_ && count <= in_.left() / sizeof(uint32_t);
    std::vector<uint32_t> out(right_ ? count : 0);
    for (uint32_t& value : out) value = number<uint32_t>();
    return out;
  }
  std::vector<float> reals(size_t count) {
    right_ = right_ && count <= in_.left() / sizeof(float);
    std::vector<float> out(right_ ? count : 0);
    for (float& value : out) value = real();
    return out;
  }
  Bytes blob() {
    const auto value = in_.blob();
    right_ = right_ && value;
    return Bytes(value.value_or(BytesView()));
  }
  bool all_read() const { return right_ && in_.empty(); }

 private:
  ByteReader in_;
  bool right_ = true;
};

bool is_sane(const SnapshotFooter& f) {
  const auto finite = [](float v) { return std::isfinite(v); };
  return f.dim >= 1 && f.dim <= limits::kVectorDimMax && f.end <= kSlotsMax && f.unit > 0 && finite(f.unit) &&
         std::ranges::all_of(f.centre, finite) && f.neighbours <= Neighbours::kByProduct &&
         (f.code_bits == CodeBits::k2 || f.code_bits == CodeBits::k4 || f.code_bits == CodeBits::k8);
}

Result<SnapshotFooter> decode(BytesView bytes, uint32_t version) {
  FooterReader in(bytes);
  SnapshotFooter f;
  f.dim = in.number<uint32_t>();
  f.metric = static_cast<Metric>(in.number<uint8_t>());
  f.level = static_cast<Level>(in.number<uint8_t>());
  f.connections = in.number<uint32_t>();
  f.shape.vector_bytes = in.number<uint32_t>();
  f.shape.code_bytes = in.number<uint32_t>();
  f.shape.links_bytes = in.number<uint32_t>();
  if (version > 1) f.shape.fine_bytes = in.number<uint32_t>();
  f.code_bits = static_cast<CodeBits>(in.number<uint8_t>());
  f.end = in.number<uint32_t>();
  f.has_codec = in.number<uint8_t>() != 0;
  if (f.has_codec) {
    f.unit = in.real();
    f.centre = in.reals(f.dim);
    if (version > 2) f.neighbours = static_cast<Neighbours>(in.number<uint8_t>());
  }
  f.entries = in.numbers();
  f.tag = in.blob();
  f.checksums = in.numbers();
  if (!in.all_read() || !is_sane(f)) return fail(ErrorCode::kCorruption, "the footer makes no sense");
  return f;
}

Result<Bytes> read_whole(const RandomFile& file, uint64_t offset, size_t size) {
  Bytes bytes(size, '\0');
  SAGITTA_TRY(const size_t got, file.read(offset, size, bytes.data()));
  if (got != size) return fail(ErrorCode::kCorruption, fmt::format("ends at byte {}", offset + got));
  return bytes;
}

struct Tail {
  uint64_t footer_offset = 0;
  SnapshotFooter footer;
};

/// The tail is the same in all versions, so that an older program can tell a newer snapshot from a
/// damaged one.
Result<Tail> read_tail(const RandomFile& file) {
  SAGITTA_TRY(const uint64_t size, file.size());
  if (size < kTailBytes) return fail(ErrorCode::kCorruption, fmt::format("has {} bytes only", size));
  SAGITTA_TRY(const Bytes tail, read_whole(file, size - kTailBytes, kTailBytes));
  if (BytesView(tail).substr(12) != kMagic) return fail(ErrorCode::kCorruption, "its end is missing");
  const auto length = get_big<uint32_t>(tail.data()), version = get_big<uint32_t>(tail.data() + 8);
  if (length > kFooterBytesMax || length > size - kTailBytes) {
    return fail(ErrorCode::kCorruption, fmt::format("a footer of {} bytes is too long", length));
  }
  const uint64_t offset = size - kTailBytes - length;
  SAGITTA_TRY(const Bytes bytes, read_whole(file, offset, length));
  const uint32_t checksum = crc32c(BytesView(tail).substr(8), crc32c(BytesView(tail).substr(0, 4), crc32c(bytes)));
  if (checksum != get_big<uint32_t>(tail.data() + 4)) {
    return fail(ErrorCode::kCorruption, fmt::format("the footer at byte {} fails its checksum", offset));
  }
  if (version < kVersionMin || version > kVersion) {
    return fail(ErrorCode::kFormat,
                fmt::format("is of version {}, this program knows {} to {}", version, kVersionMin, kVersion));
  }
  SAGITTA_TRY(SnapshotFooter footer, decode(bytes, version));
  return Tail{offset, std::move(footer)};
}

std::string place_name(const std::vector<Part>& parts, uint64_t offset) {
  const auto after = std::ranges::upper_bound(parts, offset, {}, &Part::offset);
  const Part& part = *std::prev(after);
  return fmt::format("{} of slots {} to {}", to_string(part.kind), part.begin, part.end - 1);
}

Status verify(const RandomFile& file, const SnapshotLayout& layout, const std::vector<uint32_t>& checksums) {
  return in_parallel(checksums.size(), [&](size_t i) -> Status {
    const uint64_t offset = i * kBlockBytes;
    SAGITTA_TRY(const Bytes block, read_whole(file, offset, std::min<uint64_t>(kBlockBytes, layout.bytes - offset)));
    if (crc32c(block) == checksums[i]) return {};
    return fail(ErrorCode::kCorruption, fmt::format("block {} at byte {}, from {} on, fails its checksum", i, offset,
                                                    place_name(layout.parts, offset)));
  });
}

Result<SnapshotSource> read_verified(std::unique_ptr<RandomFile> file) {
  SAGITTA_TRY(Tail tail, read_tail(*file));
  SnapshotLayout layout(tail.footer.shape, tail.footer.end);
  const uint64_t blocks = (layout.bytes + kBlockBytes - 1) / kBlockBytes;
  if (layout.bytes != tail.footer_offset || blocks != tail.footer.checksums.size()) {
    return fail(ErrorCode::kCorruption,
                fmt::format("{} bytes of {} slots, expected {}", tail.footer_offset, tail.footer.end, layout.bytes));
  }
  SAGITTA_CHECK(verify(*file, layout, tail.footer.checksums));
  return SnapshotSource{std::move(file), std::move(tail.footer), std::move(layout.parts)};
}

}  // namespace

std::string_view to_string(PartKind kind) {
  constexpr std::string_view kNames[kPartKinds] = {"states",  "expiries", "vectors",   "codes",
                                                   "factors", "links",    "fine codes"};
  return kNames[static_cast<size_t>(kind)];
}

SnapshotLayout::SnapshotLayout(const SlotShape& shape, uint32_t end) {
  for (uint8_t kind = 0; kind < kPartKinds; ++kind) {
    for (uint32_t segment = 0; segment < kSegments && segment_begin(segment) < end; ++segment) {
      Part part{.kind = static_cast<PartKind>(kind), .segment = segment, .offset = bytes};
      part.begin = segment_begin(segment);
      part.end = std::min(end, part.begin + segment_slots(segment));
      part.bytes = uint64_t{part.end - part.begin} * record_bytes(part.kind, shape);
      if (part.bytes == 0) continue;
      bytes += to_page(part.bytes);
      parts.push_back(part);
    }
  }
}

SnapshotWriter::SnapshotWriter(FileSystem& files, std::string path, std::unique_ptr<AppendFile> file,
                               const std::atomic<bool>* cancelled)
    : files_(&files), path_(std::move(path)), file_(std::move(file)), cancelled_(cancelled) {
  block_.reserve(kBlockBytes);
}

Result<SnapshotWriter> SnapshotWriter::open(FileSystem& files, const std::string& path,
                                            const std::atomic<bool>* cancelled) {
  SAGITTA_TRY(auto file, files.open_append(path + ".tmp", FileSystem::OpenMode::kTruncate));
  return SnapshotWriter(files, path, std::move(file), cancelled);
}

SnapshotWriter::~SnapshotWriter() {
  if (file_ == nullptr) return;
  (void)file_->close();
  (void)files_->remove(aside());  // if it stays, the next save overwrites it
}

Status SnapshotWriter::flush_block() {
  if (cancelled_ != nullptr && *cancelled_) return fail(ErrorCode::kUnavailable, path_ + ": given up");
  if (block_.empty()) return {};
  checksums_.push_back(crc32c(block_));
  flushed_ += block_.size();
  SAGITTA_CHECK(file_->append(block_));
  block_.clear();
  return {};
}

Status SnapshotWriter::append(BytesView bytes) {
  while (!bytes.empty()) {
    const size_t taken = std::min(bytes.size(), kBlockBytes - block_.size());
    block_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (block_.size() == kBlockBytes) SAGITTA_CHECK(flush_block());
  }
  return {};
}

Status SnapshotWriter::pad() { return append(Bytes(to_page(position()) - position(), '\0')); }

Status SnapshotWriter::finish(SnapshotFooter footer) {
  SAGITTA_ASSERT(file_ != nullptr);
  SAGITTA_CHECK(flush_block());
  footer.checksums = std::move(checksums_);
  Bytes end = encode(footer);
  Bytes length, version;
  put_big<uint32_t>(length, static_cast<uint32_t>(end.size()));
  put_big<uint32_t>(version, kVersion);
  version += kMagic;
  const uint32_t checksum = crc32c(version, crc32c(length, crc32c(end)));
  end += length;
  put_big<uint32_t>(end, checksum);
  end += version;
  SAGITTA_CHECK(file_->append(end));
  SAGITTA_CHECK(file_->sync());
  SAGITTA_CHECK(file_->close());
  SAGITTA_CHECK(files_->rename(aside(), path_));
  file_.reset();
  return files_->sync_directory(parent_of(path_));
}

Result<SnapshotSource> read_snapshot(FileSystem& files, const std::string& path) {
  SAGITTA_TRY(auto file, files.open_random(path));
  auto source = read_verified(std::move(file));
  if (source) return source;
  return fail(source.error().code(), fmt::format("{}: {}", path, source.error().message()));
}

Status in_parallel(size_t count, const std::function<Status(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::map<size_t, Status> failed;
  const auto run = [&] {
    for (size_t i; (i = next.fetch_add(1)) < count;) {
      Status done = work(i);
      if (done) continue;
      std::lock_guard lock(mutex);
      failed.emplace(i, std::move(done));
      next = count;
    }
  };
  {
    std::vector<std::jthread> helpers;
    const size_t threads = std::min({count / 8 + 1, kThreadsMax, size_t{std::thread::hardware_concurrency()}});
    while (helpers.size() + 1 < threads) helpers.emplace_back(run);
    run();
  }
  return failed.empty() ? Status() : failed.begin()->second;
}

}  // namespace sagitta::ann
