#include "sagitta/log/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/checksum.h"
#include "sagitta/base/limits.h"

#include "record_frame.h"

namespace sagitta::log {
namespace {

constexpr BytesView kMagic = "SGL";
constexpr size_t kLengthAt = 4;
constexpr size_t kChecksumAt = 8;
/// A newer version may have more fields; a length above this is damage all the same.
constexpr size_t kBodyBytesMax = limits::kRecordBytesMax + 4096;

uint32_t checksum_of(BytesView frame) {
  return crc32c(frame.substr(kFrameHeaderBytes), crc32c(frame.substr(0, kChecksumAt)));
}

void encode(uint8_t kind, const Record& record, Offset offset, Offset group_first, Bytes& out) {
  const size_t start = out.size();
  out.append(kMagic);
  out.push_back(static_cast<char>(kFormatVersion));
  put_big(out, static_cast<uint32_t>(kFixedBodyBytes + record.payload.size()));
  put_big(out, uint32_t{0});
  put_big(out, kind);
  put_big(out, offset);
  put_big(out, static_cast<uint32_t>(offset - group_first));
  put_big(out, record.schema_version);
  out.append(record.request_id.bytes());
  put_big(out, record.not_after_us);
  put_big(out, record.log_time_us);
  out.append(record.payload);
  Bytes checksum;
  put_big(checksum, checksum_of(BytesView(out).substr(start)));
  out.replace(start + kChecksumAt, checksum.size(), checksum);
}

bool is_known(uint8_t kind) {
  const auto last = static_cast<uint8_t>(RecordKind::kBatch);
  return (kind >= static_cast<uint8_t>(RecordKind::kMutation) && kind <= last) ||
         kind == static_cast<uint8_t>(RecordKind::kBatchDone) || kind == static_cast<uint8_t>(RecordKind::kConditional);
}

}  // namespace

std::optional<size_t> frame_bytes(BytesView bytes) {
  if (bytes.size() < kFrameHeaderBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  const size_t body = get_big<uint32_t>(bytes.data() + kLengthAt);
  if (body > kBodyBytesMax) return std::nullopt;
  return kFrameHeaderBytes + body;
}

std::optional<Frame> parse_frame(BytesView bytes) {
  const auto size = frame_bytes(bytes);
  if (!size || *size > bytes.size()) return std::nullopt;
  bytes = bytes.substr(0, *size);
  if (get_big<uint32_t>(bytes.data() + kChecksumAt) != checksum_of(bytes)) return std::nullopt;
  Frame frame{.version = static_cast<uint8_t>(bytes[kMagic.size()]), .bytes = *size};
  if (frame.version != kFormatVersion) return frame;
  ByteReader body(bytes.substr(kFrameHeaderBytes));
  const auto kind = body.big<uint8_t>();
  const auto offset = body.big<uint64_t>();
  const auto in_group = body.big<uint32_t>();
  if (*size < kFrameHeaderBytes + kFixedBodyBytes || *in_group > *offset) return std::nullopt;
  frame.kind = *kind;
  frame.offset = *offset;
  frame.group_first = *offset - *in_group;
  return frame;
}

void encode_mark(Offset next, int64_t log_time_us, Bytes& out) {
  Record mark;
  mark.log_time_us = log_time_us;
  encode(kMarkKind, mark, next, next, out);
}

void encode_record(const Record& record, Offset offset, Offset group_first, Bytes& out) {
  encode(static_cast<uint8_t>(record.kind), record, offset, group_first, out);
}

Result<Entry> decode_record(BytesView bytes) {
  const auto frame = parse_frame(bytes);
  if (!frame || frame->bytes != bytes.size()) {
    return fail(ErrorCode::kCorruption, fmt::format("log record of {} bytes: damaged", bytes.size()));
  }
  if (frame->version != kFormatVersion) {
    return fail(ErrorCode::kFormat,
                fmt::format("log record: format version {}, {} is known", frame->version, kFormatVersion));
  }
  if (!is_known(frame->kind)) {
    return fail(ErrorCode::kFormat, fmt::format("log record {}: unknown kind {}", frame->offset, frame->kind));
  }
  ByteReader body(bytes.substr(kFrameHeaderBytes + 1 + 8 + 4));
  const auto record = std::make_shared<Record>();
  record->kind = static_cast<RecordKind>(frame->kind);
  record->schema_version = *body.big<uint64_t>();
  std::ranges::copy(*body.take(16), record->request_id.octets.begin());
  record->not_after_us = *body.big<int64_t>();
  record->log_time_us = *body.big<int64_t>();
  record->payload = Bytes(body.rest());
  return Entry{.offset = frame->offset, .record = record};
}

}  // namespace sagitta::log
