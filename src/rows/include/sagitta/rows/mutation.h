/// A mutation: changes of the rows of one partition, as data, before they are applied. Everything
/// nondeterministic (now(), the timestamp, expiry) is fixed in it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"

namespace sagitta::rows {

/// A change of one non-key column of one row.
struct CellOp {
  enum class Kind : uint8_t {
    /// Single-cell columns: the value, or a tombstone when it is null.
    kSet = 1,
    /// Multi-cell columns: the cell at `path` gets `value`, or a tombstone when it is null. The
    /// path is the element of a set (its value is empty bytes), the key of a map, the 2-byte
    /// big-endian number of a UDT field, or for a list 16 bytes whose order is the list's (a
    /// timeuuid; see list_path).
    kSetElement = 2,
    /// Multi-cell columns: all cells older than the mutation go. Elements set by the same mutation
    /// stay: `c = {1}` is kClear and kSetElement.
    kClear = 3,
    /// Lists: the element now at `number` gets `value`, or goes when it is null. Out of bounds: the
    /// whole record is refused (kInvalid).
    kListSet = 4,
    /// Lists: every element equal to one of `elements` goes. The elements are those live when it is
    /// applied.
    kListDiscard = 5,
    /// Counters: adds `number`.
    kAdd = 6,
    /// Multi-cell columns: all cells of the mutation's timestamp or older go. DELETE c, which on a
    /// tie wins.
    kDelete = 7,
  };
  uint32_t column_id = 0;
  Kind kind = Kind::kSet;
  Bytes path;
  Value value;
  int64_t number = 0;
  std::vector<Bytes> elements;
};

/// Changes of one row, or of the static row.
struct RowMutation {
  bool is_static = false;
  /// All clustering components, as CQL values; empty for the static row.
  std::vector<Bytes> clustering;
  /// INSERT: the row exists even when all its cells are null.
  bool insert_marker = false;
  /// DELETE of the row: goes before `cells`, at the same timestamp.
  bool delete_row = false;
  /// Of the marker and all values set; 0 = they live forever.
  int32_t ttl_s = 0;
  /// Seconds since the epoch: write time + ttl. Read only when ttl_s > 0.
  int64_t expires_s = 0;
  std::vector<CellOp> cells;
};

/// DELETE of a range of clustering keys, in the table's clustering order. A bound is a prefix of
/// the components; an empty one is none.
struct RangeDeletion {
  std::vector<Bytes> start, end;
  bool start_inclusive = true, end_inclusive = true;
};

struct Mutation {
  uint32_t table_id = 0;
  /// The serialised partition key, as types::pack_partition_key makes it.
  Bytes partition_key;
  /// Microseconds since the epoch.
  int64_t timestamp_us = 0;
  /// Whose timestamp that is. The numbers are the format's.
  enum class Stamp : uint8_t {
    kClient = 0,
    /// Only proposed: apply takes max(timestamp_us, clock of the partition + 1), so that of
    /// server-stamped writes the later in the log wins.
    kProposed = 1,
    /// The server's, given before the log: of a write to several partitions, which may be repeated.
    /// The clock of the partition does not stay behind it.
    kServer = 2,
  };
  Stamp stamp = Stamp::kClient;
  bool delete_partition = false;
  std::vector<RangeDeletion> deletions;
  std::vector<RowMutation> rows;
};

/// The path of the `index`-th list element that one statement writes. `statement` is a timeuuid of
/// the statement's own: what a later one appends orders after all that was written before, what it
/// prepends before all of it, whatever the timestamps of the cells are. The elements of one
/// statement keep their order.
Bytes list_path(bool prepend, const Uuid& statement, uint32_t index);

/// The payload of a log record of kind kMutation: mutations that are applied together, in this
/// order (docs/formats/rows.md).
void encode(std::span<const Mutation> mutations, Bytes& out);
/// kCorruption; kFormat for a newer version.
Result<std::vector<Mutation>> decode_mutations(BytesView bytes);

/// Whether it sets no cell and makes no row: it deletes rows.
bool only_deletes(const Mutation& mutation);

/// Roughly the bytes that `encode` makes of it.
size_t size_bytes(const Mutation& mutation);

}  // namespace sagitta::rows
