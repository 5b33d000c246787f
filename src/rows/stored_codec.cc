#include "stored_codec.h"

#include <fmt/format.h>

#include <limits>

namespace sagitta::rows {
namespace {

/// Bits of a cell's first byte.
constexpr uint8_t kHasValue = 1;
constexpr uint8_t kExpires = 2;
constexpr uint8_t kCellFlags = kHasValue | kExpires;

}  // namespace

std::unexpected<Error> corrupt_entry() { return fail(ErrorCode::kCorruption, "a stored row that cannot be read"); }

std::unexpected<Error> unknown_format(const char* what, int format, int known) {
  return fail(ErrorCode::kFormat, fmt::format("{} of format {}, this version reads up to {}", what, format, known));
}

uint64_t epoch_of(BytesView value) {
  ByteReader in(value);
  // The first versions have no epoch; all others begin with theirs.
  return in.big<uint8_t>().value_or(1) == 1 ? 0 : in.varint().value_or(0);
}

void encode_cell(const Cell& cell, Bytes& out) {
  out.push_back(static_cast<char>((cell.value ? kHasValue : 0) | (cell.expires_s != 0 ? kExpires : 0)));
  put_signed_varint(out, cell.timestamp_us);
  if (cell.value) {
    put_blob(out, *cell.value);
  } else {
    put_signed_varint(out, cell.deleted_s);
  }
  if (cell.expires_s != 0) {
    put_signed_varint(out, cell.ttl_s);
    put_signed_varint(out, cell.expires_s);
  }
}

bool decode_expiry(ByteReader& in, int32_t& ttl_s, int64_t& expires_s) {
  const auto ttl = in.signed_varint(), expires = in.signed_varint();
  if (!ttl || *ttl < 0 || *ttl > std::numeric_limits<int32_t>::max() || !expires || *expires == 0) return false;
  ttl_s = static_cast<int32_t>(*ttl);
  expires_s = *expires;
  return true;
}

std::optional<Cell> decode_cell(ByteReader& in) {
  Cell cell;
  const auto flags = in.big<uint8_t>();
  const auto timestamp = in.signed_varint();
  if (!flags || (*flags & ~kCellFlags) != 0 || !timestamp) return std::nullopt;
  cell.timestamp_us = *timestamp;
  if ((*flags & kHasValue) != 0) {
    const auto value = in.blob();
    if (!value) return std::nullopt;
    cell.value = Bytes(*value);
  } else {
    const auto deleted = in.signed_varint();
    if (!deleted) return std::nullopt;
    cell.deleted_s = *deleted;
  }
  if ((*flags & kExpires) != 0) {
    if (!decode_expiry(in, cell.ttl_s, cell.expires_s)) return std::nullopt;
  }
  return cell;
}

void encode_cells(const std::map<Bytes, Cell>& cells, Bytes& out) {
  put_varint(out, cells.size());
  for (const auto& [path, cell] : cells) {
    put_blob(out, path);
    encode_cell(cell, out);
  }
}

bool decode_cells(ByteReader& in, std::map<Bytes, Cell>& cells) {
  const auto count = in.varint();
  if (!count) return false;
  for (uint64_t i = 0; i < *count; ++i) {
    const auto path = in.blob();
    const bool ascends = path && (cells.empty() || cells.rbegin()->first < *path);
    auto cell = ascends ? decode_cell(in) : std::nullopt;
    if (!cell) return false;
    cells.emplace_hint(cells.end(), Bytes(*path), std::move(*cell));
  }
  return true;
}

void encode_tombstone(const Tombstone& tombstone, Bytes& out) {
  put_signed_varint(out, tombstone.timestamp_us);
  put_signed_varint(out, tombstone.at_s);
}

std::optional<Tombstone> decode_tombstone(ByteReader& in) {
  const auto timestamp = in.signed_varint(), at = in.signed_varint();
  if (!timestamp || !at) return std::nullopt;
  return Tombstone{*timestamp, *at};
}

bool is_over(int64_t since_s, int64_t log_s, int64_t gc_grace_s) { return since_s + gc_grace_s < log_s; }

bool is_purgeable(const Cell& cell, int64_t log_s, int64_t gc_grace_s) {
  const bool ends = !cell.value || cell.expires_s != 0;
  return ends && is_over((cell.value ? cell.expires_s : cell.deleted_s), log_s, gc_grace_s);
}

bool drop_old(Tombstone& tombstone, int64_t log_s, int64_t gc_grace_s) {
  if (!tombstone.is_set() || !is_over(tombstone.at_s, log_s, gc_grace_s)) return false;
  tombstone = {};
  return true;
}

}  // namespace sagitta::rows
