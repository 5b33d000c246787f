/// What the codecs of stored entries share: cells, deletions, and when they count as absent
/// (docs/formats/rows.md).
#pragma once

#include <optional>

#include "sagitta/rows/stored_row.h"

namespace sagitta::rows {

std::unexpected<Error> corrupt_entry();
/// `what` has a format above `known`.
std::unexpected<Error> unknown_format(const char* what, int format, int known);

/// The epoch in the value of an entry of Family::kRows; 0 for one that cannot be read.
uint64_t epoch_of(BytesView value);

void encode_cell(const Cell& cell, Bytes& out);
std::optional<Cell> decode_cell(ByteReader& in);
/// A count, and the cells by path.
void encode_cells(const std::map<Bytes, Cell>& cells, Bytes& out);
/// Whether they could be read; into empty `cells`.
bool decode_cells(ByteReader& in, std::map<Bytes, Cell>& cells);
/// Whether there was one.
bool decode_expiry(ByteReader& in, int32_t& ttl_s, int64_t& expires_s);
void encode_tombstone(const Tombstone& tombstone, Bytes& out);
std::optional<Tombstone> decode_tombstone(ByteReader& in);

/// Absent once its grace period is over on the log's clock.
bool is_over(int64_t since_s, int64_t log_s, int64_t gc_grace_s);
bool is_purgeable(const Cell& cell, int64_t log_s, int64_t gc_grace_s);
/// Whether it was set and counted as absent.
bool drop_old(Tombstone& tombstone, int64_t log_s, int64_t gc_grace_s);

}  // namespace sagitta::rows
