/// A naive twin of the database for the model test: it remembers every write ever made to a table
/// and works out what is visible at each read. It shares nothing with the engine but the bytes of
/// values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/bytes.h"

namespace sagitta::db::test {

using Ints = std::vector<int32_t>;

enum class TwinType { kInt, kText, kVector, kSet, kMap, kList, kUdt, kCounter };
/// Has a cell for each element.
constexpr bool is_multi_cell(TwinType type) {
  return type == TwinType::kSet || type == TwinType::kMap || type == TwinType::kList || type == TwinType::kUdt;
}
/// Fields of the one UDT: an int and a text.
inline constexpr size_t kUdtFields = 2;

struct TwinColumn {
  std::string name;
  TwinType type = TwinType::kInt;
  bool is_static = false;
  /// It was dropped and came back: what was written until then is gone.
  int64_t dropped_ts = INT64_MIN;
};

/// One write of one value: what it was, when, and until which second it lives (0: for ever).
struct TwinWrite {
  int64_t ts = 0;
  Value value;
  int64_t expires_s = 0;
};

/// A deletion of all rows whose key begins with `prefix` and whose next component lies in [low,
/// high].
struct TwinDeletion {
  int64_t ts = 0;
  Ints prefix;
  int64_t low = INT64_MIN, high = INT64_MAX;
  bool covers_static = false;
};

/// Everything ever written to one column of one row. Elements of a set, a map or a UDT have their
/// key or field number as a big-endian int; those of a list list_key(), whose order is the list's.
struct TwinCell {
  std::vector<TwinWrite> writes;
  std::vector<int64_t> clears;
  std::map<Bytes, std::vector<TwinWrite>> elements;

  /// The elements that live at `now_s`, under a deletion of the row.
  std::vector<std::pair<Bytes, Bytes>> live(int64_t deleted_ts, int64_t now_s) const;
};
/// What the column shows of its cell.
Value visible_cell(const TwinColumn& column, const TwinCell& cell, int64_t deleted_ts, int64_t now_s);
/// Of the `index`-th element that the `statement`-th statement puts before or behind the others.
Bytes list_key(bool prepend, int64_t statement, uint32_t index);
/// The write that stands, if it lives at `now_s`; else null.
const TwinWrite* standing(const std::vector<TwinWrite>& writes, int64_t deleted_ts, int64_t now_s);
/// Its value.
Value visible(const std::vector<TwinWrite>& writes, int64_t deleted_ts, int64_t now_s);

struct TwinRow {
  std::vector<TwinWrite> markers;
  std::map<std::string, TwinCell> cells;
};

struct TwinPartition {
  std::vector<TwinDeletion> deletions;
  TwinRow statics;
  std::map<Ints, TwinRow> rows;

  TwinRow& row(const TwinColumn& column, const Ints& clustering) {
    return column.is_static ? statics : rows[clustering];
  }
  /// Everything written at or before it is gone: of the row that holds the column.
  int64_t deleted_ts(const TwinColumn& column, const Ints& clustering) const;
  /// The newest timestamp of all that was done to the row, deletions too; INT64_MIN: nothing was.
  int64_t newest_ts(const Ints& clustering) const;
  int64_t newest_static_ts() const;
  /// When the value was written that a single-cell column shows, as a bigint.
  Value written_at(const TwinColumn& column, const Ints& clustering, int64_t now_s) const;
};

/// A visible row: key components, then the columns of the table in order.
struct TwinResult {
  Ints partition;
  std::optional<Ints> clustering;
  std::map<std::string, Value> values;
};

struct TwinTable {
  size_t partition_columns = 1, clustering_columns = 0;
  bool descending = false;
  bool has_counters = false;
  std::vector<TwinColumn> columns;
  std::map<Ints, TwinPartition> partitions;
  bool has_index = false;
  std::string similarity;
  /// What each ordered index is on: "r0", "keys(r1)", "c0".
  std::map<std::string, std::string> ordered;
  /// Of columns that were ever dropped, the latest.
  std::map<std::string, int64_t> drops;

  const TwinColumn* column(const std::string& name) const;
  /// An ordered index is on the column, or on a part of it.
  bool has_ordered_on(const std::string& name) const;
  /// All visible rows at second `now_s`, by partition and in clustering order.
  std::vector<TwinResult> read(int64_t now_s) const;
  void add(TwinColumn column);
  void drop(const std::string& column, int64_t ts);
};

/// The elements of a packed collection: of a map keys and values in turn.
std::vector<Bytes> unpacked(const Bytes& collection);
/// The fields of a packed UDT.
std::vector<Value> unpacked_udt(const Bytes& packed);

/// The similarity that CQL reports, from the bytes of two vectors.
double twin_similarity(const std::string& function, const Bytes& a, const Bytes& b);

}  // namespace sagitta::db::test
